"""A quota's spec, and what it asks OpenStack's provider for. tests/lab/test_project_limits.py asks a real cloud."""

from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pydantic import ValidationError

from components.identity.quota import Quota
from config.quota import QuotaSpec

LIVE = {"volumes_ssd": "-1", "gigabytes_ssd": "-1", "snapshots_ssd": "-1", "gigabytes_hdd": "9"}


class Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.made[args.typ] = args.inputs
        return "id", args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {**args.args, "id": "id", "volumeTypeQuota": LIVE}, []


def made_by(quota: dict[str, Any]) -> dict[str, dict[str, Any]]:
    recorder = Recorder()
    mocks.set_mocks(recorder, project="private-cloud", stack="test")
    spec = QuotaSpec.model_validate(quota)
    pulumi.runtime.test(lambda: Quota("p@d", spec, project_id="p1") and None)()
    return recorder.made


def test_only_given_limits_are_asked_for() -> None:
    made = made_by({"compute": {"cores": 4, "ram_mb": "unlimited"}, "network": {"routers": 0}})
    del made["private-cloud:quota:Quota"]
    assert made == {
        "openstack:compute/quotaSetV2:QuotaSetV2": {"projectId": "p1", "cores": 4, "ram": -1},
        "openstack:networking/quotaV2:QuotaV2": {"projectId": "p1", "router": 0},
    }


def test_limits_of_one_volume_type_keep_what_the_cloud_has_for_the_others() -> None:
    made = made_by({"volume": {"size_gb": 10, "types": [{"name": "ssd", "size_gb": 5}]}})
    assert made["openstack:blockstorage/quoteSetV3:QuoteSetV3"] == {
        "projectId": "p1",
        "gigabytes": 10,
        "volumeTypeQuota": {**LIVE, "gigabytes_ssd": "5"},
    }


@pytest.mark.parametrize(
    ("quota", "sentence"),
    [
        (
            {"compute": {"cores": -1}},
            "-1 is not a limit; give a whole number from 0, or 'unlimited' (-1 means that in OpenStack)",
        ),
        ({"compute": {"cores": -2}}, "-2 is not a limit; give a whole number from 0, or 'unlimited'"),
        ({"compute": {"cores": "many"}}, "'many' is not a limit; give a whole number from 0, or 'unlimited'"),
        ({"compute": {"cores": True}}, "True is not a limit; give a whole number from 0, or 'unlimited'"),
        ({"compute": {"cores": 1.5}}, "1.5 is not a limit; give a whole number from 0, or 'unlimited'"),
        (
            {"volume": {"types": [{"name": "ssd"}]}},
            "no limit is given; give one of volumes, snapshots, size_gb, or drop this",
        ),
        (
            {"volume": {"types": [{"name": "ssd", "volumes": 1}, {"name": "ssd", "volumes": 2}]}},
            "volume type 'ssd' is given twice; give it once",
        ),
    ],
)
def test_what_is_wrong_gets_a_sentence(quota: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        QuotaSpec.model_validate(quota)
    assert [error["msg"] for error in raised.value.errors()] == [sentence]
