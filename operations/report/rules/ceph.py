"""Ceph's users and the files with which they log in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.ceph_users import CephUserSpec
from dynamic_providers.ceph_login_files.provider import CephLoginFilesProvider
from dynamic_providers.ceph_user.provider import CephUserProvider
from operations.report.risk import Risk, Verdict
from operations.report.rules.rule import Rule, harmless, interrupts

if TYPE_CHECKING:
    from operations.report.change import Change
    from operations.report.dependents import Dependents


def _user_goes(change: Change, _cloud: Dependents) -> Verdict:
    if change.old.get("adopted") and not change.new:
        return Verdict(Risk.HARMLESS, "It was there before this stack, and stays in Ceph.")
    return Verdict(
        Risk.INTERRUPTS, "The Ceph user is removed with its key: whoever still logs in with it is refused."
    )


CEPH_RULES = {
    "pulumi-python:dynamic/ceph:User": Rule(
        "Ceph user",
        harmless("A new Ceph user; nobody logs in with it yet."),
        interrupts(
            "Its caps change: whoever is connected has them with the next ticket, and may be refused then."
        ),
        _user_goes,
        specs=(CephUserSpec,),
        provider=CephUserProvider,
    ),
    "pulumi-python:dynamic/ceph:LoginFiles": Rule(
        "files of a Ceph login",
        harmless("Files are written on the machine that runs pulumi."),
        harmless("The files are written anew; what is connected stays connected."),
        interrupts("The files go: what reads them there can log in to Ceph no more."),
        provider=CephLoginFilesProvider,
    ),
}
