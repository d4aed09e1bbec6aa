"""cephx users and their logins."""

from config.ceph import CephUserSpec
from config.osd_expansion import OsdExpansionSpec
from dynamic_providers.ceph_login_files.provider import CephLoginFilesProvider
from dynamic_providers.ceph_user.provider import CephUserProvider
from dynamic_providers.osd_expansion.provider import OsdExpansionProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Risk, Verdict
from operations.report.rules.rule import Rule, by_key, harmless, interrupts


def _user_goes(change: Change, _cloud: Dependents) -> Verdict:
    if change.old.get("adopted"):
        return Verdict(
            Risk.HARMLESS, "The stack forgets a user that was there before it; it stays in Ceph with its key."
        )
    return Verdict(
        Risk.INTERRUPTS,
        "Its key is refused from the next login on: every machine that uses it has to have another one by then.",
    )


def _osds_change(change: Change, _cloud: Dependents) -> Verdict:
    """The plan for each OSD, which the program has found out."""
    plan = change.new.get("plan")
    lines = [f"{osd}: {step}." for osd, step in plan.items()] if isinstance(plan, dict) else []
    if not lines:
        return Verdict(Risk.HARMLESS, "No OSD fills or leaves.")
    sentence = f"Data moves between OSDs, as fast as clients' latency allows. {' '.join(lines)}"
    return Verdict(Risk.NEEDS_A_PERSON if "REFUSED" in sentence else Risk.HARMLESS, sentence)


CEPH_RULES = {
    "pulumi-python:dynamic/ceph:User": Rule(
        "cephx user",
        harmless("A new user of Ceph, or one that is there already and stays as it is."),
        by_key(
            {
                "caps": "Whoever uses it may do what the new caps say and no more, from its next ticket on, an hour "
                "at most by Ceph's default."
            },
            "Its key and its caps stay.",
        ),
        _user_goes,
        specs=(CephUserSpec,),
        provider=CephUserProvider,
    ),
    "pulumi-python:dynamic/ceph:OsdExpansion": Rule(
        "OSD expansion",
        _osds_change,
        _osds_change,
        harmless("OSDs stay as they are; what a run has set is put back."),
        specs=(OsdExpansionSpec,),
        provider=OsdExpansionProvider,
    ),
    "pulumi-python:dynamic/ceph:LoginFiles": Rule(
        "cephx login",
        harmless("The machine that runs pulumi gets a login to Ceph as files."),
        harmless("The files of a login are written anew; one that is not declared any more goes."),
        interrupts(
            "The machine that runs pulumi loses the files of a login to Ceph, and what uses them there fails."
        ),
        provider=CephLoginFilesProvider,
    ),
}
