"""The configuration of a domain over Keystone's API, against a FAKE of it; the real one is in tests/lab/test_directory.py."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clients.errors import CloudError
from dynamic_providers.keystone_domain_config import domain_config, provider
from dynamic_providers.keystone_domain_config.provider import (
    KeystoneDomainConfigArgs,
    KeystoneDomainConfigProvider,
)

OPTIONS = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldaps://x", "user_filter": "(cn=100%$y)"}}
PASSWORD = "pa$$%word"


class FakeAnswer:
    def __init__(self, status_code: int, body: Any = None) -> None:
        self.status_code, self._body = status_code, body
        self.ok, self.content, self.reason = status_code < 400, body is not None, "Because"

    def json(self) -> Any:
        return self._body


class FakeKeystone:
    """Stores options as Keystone does; `people` are those it finds in the domain."""

    def __init__(self) -> None:
        self.config: dict[str, dict[str, Any]] | None = None
        self.people: list[str] = ["ada"]
        self.directory_status = 200
        self.identity = self

    def get(self, path: str, params: dict[str, str] | None = None) -> FakeAnswer:
        if params:
            found = [{"name": name} for name in self.people if name == params["name"]]
            return FakeAnswer(self.directory_status, {path[1:]: found})
        if self.config is None:
            return FakeAnswer(404)
        message = {
            group: {name: value for name, value in options.items() if name != "password"}
            for group, options in self.config.items()
        }
        return FakeAnswer(200, {"config": message})

    def put(self, _path: str, json: dict[str, Any]) -> FakeAnswer:
        self.config = json["config"]
        return FakeAnswer(201, {})

    def delete(self, _path: str) -> FakeAnswer:
        if self.config is None:
            return FakeAnswer(404)
        self.config = None
        return FakeAnswer(204)


@pytest.fixture
def keystone(monkeypatch: pytest.MonkeyPatch) -> FakeKeystone:
    fake = FakeKeystone()

    @contextmanager
    def connect(_cloud: str) -> Iterator[FakeKeystone]:
        yield fake

    monkeypatch.setattr(provider, "connect", connect)
    monkeypatch.setattr(domain_config, "USED_TIMEOUT_S", 0)
    monkeypatch.setattr(domain_config, "_POLL_S", 0)
    return fake


def args(**changed: Any) -> KeystoneDomainConfigArgs:
    given: dict[str, Any] = {
        "domain_id": "d1",
        "domain": "corp",
        "options": OPTIONS,
        "password": PASSWORD,
        "witness_name": "ada",
        "cloud": "c",
    }
    return KeystoneDomainConfigArgs.model_validate(given | changed)


def created(**changed: Any) -> dict[str, Any]:
    return dict(
        KeystoneDomainConfigProvider().create(args(**changed).model_dump(exclude_none=True)).outs or {}
    )


def test_what_keystone_substitutes_is_sent_so_that_it_comes_out_literally(keystone: FakeKeystone) -> None:
    created()
    assert keystone.config
    # Keystone applies `% {"password": …}` to options, oslo.config then replaces $NAME, in the password as well.
    assert keystone.config["ldap"]["user_filter"] % {"password": "x"} == "(cn=100%$$y)"
    assert keystone.config["ldap"]["password"] == "pa$$$$%word"


def test_a_read_right_after_finds_no_difference(keystone: FakeKeystone) -> None:
    state = created()
    read = KeystoneDomainConfigProvider().read("d1", state)
    assert read.inputs
    assert read.inputs["password"] == PASSWORD
    assert not KeystoneDomainConfigProvider().diff("d1", read.outs or {}, state).changes
    assert keystone.config


def test_an_option_changed_by_hand_is_a_difference(keystone: FakeKeystone) -> None:
    state = created()
    assert keystone.config
    keystone.config["ldap"]["page_size"] = 7
    read = KeystoneDomainConfigProvider().read("d1", state)
    assert read.inputs
    assert read.inputs["options"]["ldap"]["page_size"] == "7"
    assert KeystoneDomainConfigProvider().diff("d1", read.outs or {}, state).changes


def test_another_password_is_an_update_and_another_domain_a_replacement() -> None:
    crud = KeystoneDomainConfigProvider()
    state, other = args().model_dump(), args(password="other").model_dump()
    assert (crud.diff("d1", state, other).changes, crud.diff("d1", state, other).replaces) == (True, [])
    assert crud.diff("d1", state, args(domain_id="d2").model_dump()).replaces == ["domain_id"]


def test_somebody_else_as_witness_is_no_difference() -> None:
    state, other = args().model_dump(), args(witness_name="bram", adopt=True).model_dump()
    assert not KeystoneDomainConfigProvider().diff("d1", state, other).changes


def test_gone_is_gone_and_deleting_it_again_succeeds(keystone: FakeKeystone) -> None:
    state = created()
    crud = KeystoneDomainConfigProvider()
    crud.delete("d1", state)
    assert crud.read("d1", state).id == ""
    crud.delete("d1", state)
    assert keystone.config is None


def test_an_equal_configuration_is_taken_and_its_password_set(keystone: FakeKeystone) -> None:
    created(password="of a run that was killed")
    before = copy.deepcopy(keystone.config)
    created()
    assert before
    before["ldap"]["password"] = "pa$$$$%word"
    assert keystone.config == before


def test_a_different_configuration_is_refused_unless_adopted(keystone: FakeKeystone) -> None:
    keystone.config = {"identity": {"driver": "ldap"}, "ldap": {"url": "ldaps://other", "password": "p"}}
    with pytest.raises(
        CloudError, match=r"is a different one: ldap\.url, ldap\.user_filter\. Set .* adopt: true"
    ):
        created()
    assert keystone.config["ldap"]["url"] == "ldaps://other"
    created(adopt=True)
    assert keystone.config["ldap"]["url"] == "ldaps://x"


def test_a_keystone_that_stores_the_configuration_and_does_not_use_it_gets_a_sentence(
    keystone: FakeKeystone,
) -> None:
    keystone.people = []
    with pytest.raises(CloudError, match=r"does not use it: it finds no user 'ada' .* delivery: kolla"):
        created()


def test_a_keystone_that_cannot_ask_the_directory_gets_a_sentence(keystone: FakeKeystone) -> None:
    keystone.directory_status = 500
    with pytest.raises(CloudError, match="cannot use the directory: 500, Because"):
        created()


def test_the_password_is_in_no_representation() -> None:
    assert PASSWORD not in repr(args())
