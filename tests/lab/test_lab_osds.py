"""The lab's Ceph takes another OSD, which holds nothing, and lets it go."""

import subprocess
import sys

import pytest

from clients import ceph
from lab.settings import CHECKOUT, EXTRA_OSDS, Lab

pytestmark = [pytest.mark.xdist_group(name="ceph"), pytest.mark.nightly]


def run(*words: str) -> str:
    command = [sys.executable, "-m", "lab", *words]
    return subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout


def weights(lab: Lab) -> dict[int, float]:
    with ceph.cluster("admin", str(lab.ceph_conf)) as handle:
        return {
            node["id"]: node["crush_weight"]
            for node in ceph.command(handle, "osd tree")["nodes"]
            if node["type"] == "osd"
        }


def test_an_osd_joins_without_weight_stays_through_an_up_and_leaves(lab: Lab) -> None:
    before = weights(lab)
    number = EXTRA_OSDS[0]
    assert run("osd", "add", str(number)) == f"osd.{number} is in, with weight 0.\n"
    try:
        assert weights(lab) == before | {number: 0.0}
        assert f"ceph-osd.{number}" in run("status")
        run("osd", "add", str(number))
        assert weights(lab) == before | {number: 0.0}
    finally:
        run("osd", "remove", str(number))
    assert weights(lab) == before
    assert f"ceph-osd.{number}" not in run("status")
