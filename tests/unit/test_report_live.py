"""What the report takes from a cloud: as a service answers, and why not where one does not."""

from collections.abc import Iterator
from typing import Any

import pytest
from keystoneauth1.exceptions import EndpointNotFound
from openstack.exceptions import ForbiddenException

from clients.errors import CloudError, InUseError
from operations.report.change import changes
from operations.report.live import answer, look, nobody
from operations.report.policy import violations
from operations.report.risk import NotKnown
from tests.unit.report_cloud import NETWORK, step


class Account:
    """The session of an account with ROLES."""

    def __init__(self, *roles: str) -> None:
        self.role_names = roles
        self.auth = self

    def get_access(self, _session: object) -> "Account":
        return self


class Cloud:
    """A cloud whose every service raises when it is used."""

    def __init__(self, *roles: str) -> None:
        self.session = Account(*roles)
        self.identity = self.compute = self.network = self.block_storage = self.image = self

    def __getattr__(self, _name: str) -> Any:
        def request(**_filters: object) -> Iterator[Any]:
            raise EndpointNotFound("there is no such service")

        return request


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (EndpointNotFound("no endpoint."), "Nova does not say: no endpoint"),
        (ForbiddenException("403: not yours\nmore"), "Nova does not say: 403: not yours"),
        (CloudError("it did not answer"), "Nova does not say: it did not answer"),
        (InUseError("it has clones"), "it has clones"),
    ],
)
def test_a_service_that_is_absent_or_refuses_is_not_none(error: Exception, reason: str) -> None:
    def request() -> Iterator[str]:
        yield "one"
        raise error

    assert answer("Nova", request) == NotKnown(reason)


def test_an_absent_service_leaves_the_others_to_be_asked() -> None:
    found: Any = look(Cloud("admin"))  # type: ignore[arg-type] # a fake
    assert found.servers == NotKnown("Nova does not say: there is no such service")
    assert found.volumes == NotKnown("Cinder does not say: there is no such service")
    assert found.users("d1") == NotKnown("Keystone does not say: there is no such service")


def test_an_account_that_sees_its_own_only_is_not_believed() -> None:
    found: Any = look(Cloud("member", "reader"))  # type: ignore[arg-type] # a fake
    reason = "the account has no role admin, only member, reader, and sees its own project's only"
    assert {str(one) for one in (found.servers, found.ports, found.volumes)} == {f"not known: {reason}"}


def test_a_cloud_that_cannot_be_reached_knows_nothing() -> None:
    found = nobody("it is down.")
    assert found.ports == found.servers == found.members("g") == NotKnown("it is down")


def test_each_violation_is_told_once_without_colours_and_the_mandatory_ones_first() -> None:
    event = (
        '{"policyEvent": {"resourceUrn": "urn:pulumi:a::b::c::vms", "message": "<{%fg 1%}>No.<{%reset%}>\\n",'
        '"policyName": "RULE", "policyPackName": "pack", "enforcementLevel": "LEVEL"}}'
    )
    log = [
        event.replace("LEVEL", level).replace("RULE", rule)
        for level, rule in (("advisory", "a"), ("mandatory", "z"), ("advisory", "a"), ("of-tomorrow", "y"))
    ]
    found = violations([*log, '{"policyEvent": {"cut off'])
    assert [(one.level, one.policy, one.what, one.message) for one in found] == [
        ("mandatory", "y", "vms", "No."),
        ("mandatory", "z", "vms", "No."),
        ("advisory", "a", "vms", "No."),
    ]


def test_a_replacement_in_several_steps_is_one_change() -> None:
    old, new = {"segments": [1]}, {"segments": [2]}
    steps = [
        step("create-replacement", NETWORK, "vms", old=old, new=new, replaceReasons=["segments"]),
        step("replace", NETWORK, "vms", old=old, new=new, replaceReasons=["segments"]),
        step("delete-replaced", NETWORK, "vms", old=old),
    ]
    for order in (steps, steps[::-1]):
        (found,) = changes({"steps": order})
        assert (found.operation, found.replacing) == ("replace", ("segments",))
        assert found.new == new


def test_a_path_belongs_to_its_property() -> None:
    detailed = {'segments[0]["segmentation.id"]': {"kind": "update-replace"}, "tags.a": {"kind": "add"}}
    old, new = {"segments": [1], "tags": {}}, {"segments": [2], "tags": {"a": "b"}}
    (found,) = changes({"steps": [step("update", NETWORK, "vms", old=old, new=new, detailedDiff=detailed)]})
    assert found.changed == {"segments", "tags"}
    assert found.replacing == ("segments",)
