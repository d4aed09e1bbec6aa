"""Golden images."""

from config.image import ImageSpec, ImageStoreSpec
from dynamic_providers.rbd_image.provider import RbdImageProvider
from operations.report.change import Change
from operations.report.dependents import Dependents
from operations.report.risk import Fact, Risk, Verdict
from operations.report.rules.rule import Rule, by_key, first_unknown, harmless, summarized

_VISIBLE = ("private", "shared", "community", "public")
_CONTENT = "sha256"


def generations_of(change: Change) -> tuple[str, ...]:
    """The Glance ids of an image's content now and before, as far as the state knows them; now first."""
    current = change.outputs.get("glance_id")
    retired = change.outputs.get("retired")
    return (*([str(current)] if current else []), *(retired if isinstance(retired, list) else []))


def _facts(change: Change, cloud: Dependents) -> tuple[Fact, ...]:
    ids = generations_of(change)
    place = change.old or change.new
    conf = place.get("ceph_conf")
    return (
        *cloud.of_images(ids),
        cloud.clones(str(place.get("pool")), str(place.get("ceph_user")), str(conf) if conf else None, ids),
    )


def _image_changes(change: Change, cloud: Dependents) -> Verdict:
    facts = _facts(change, cloud)
    sentences = []
    risk = Risk.HARMLESS
    if _CONTENT in change.changed:
        sentences.append(
            "The name moves to new content once that is imported. What was made from the former content keeps it, "
            "and the former is kept, hidden, as long as something rests on it."
        )
    before, after = (str(side.get("visibility", "shared")) for side in (change.old, change.new))
    if before in _VISIBLE and after in _VISIBLE and _VISIBLE.index(after) < _VISIBLE.index(before):
        risk = Risk.INTERRUPTS
        sentences.append(
            f"It was {before} and becomes {after}: who sees it no more can start nothing from it."
        )
    rest = by_key(
        {
            "name": "Whoever names the image by its name has to use the new one.",
            "min_disk_gb": "Flavors with less disk than it asks for are refused for new instances.",
            "min_ram_mb": "Flavors with less memory than it asks for are refused for new instances.",
        },
        "Only new instances, or nobody, notice it.",
    )(change, cloud)
    if rest.risk is Risk.INTERRUPTS or not sentences:
        sentences.append(rest.sentence)
    if not change.changed:
        sentences = [
            "A refresh found something at it to mend: its snapshot's protection, or a former generation to go."
        ]
    return Verdict(max((risk, rest.risk), key=lambda one: one.rank), " ".join(sentences), facts)


def _image_goes(change: Change, cloud: Dependents) -> Verdict:
    facts = _facts(change, cloud)
    how = "removed from Ceph and Glance with all its generations"
    if change.new:
        how += ", and imported anew elsewhere"
    when_used = str(change.old.get("when_used") or "refuse")
    if unknown := first_unknown(facts):
        return Verdict(
            Risk.NEEDS_A_PERSON, f"The image is {how}, and whether something rests on it is {unknown}.", facts
        )
    if not all(fact.is_none for fact in facts) and when_used != "refuse":
        return Verdict(
            Risk.INTERRUPTS,
            f"The image goes, and nothing starts from it any more; {summarized(facts)} made from it and stay as they are: "
            f"its when_used is {when_used}, so what they rest on is kept until they are gone.",
            facts,
        )
    if not all(fact.is_none for fact in facts):
        return Verdict(
            Risk.NEEDS_A_PERSON,
            f"The image is {how}, and {summarized(facts)} made from it. Ceph refuses that while there are clones: somebody "
            "has to delete or flatten them first.",
            facts,
        )
    return Verdict(
        Risk.LOSES_DATA,
        f"The image is {how}. Nothing was made from it; only its source brings it back.",
        facts,
    )


IMAGE_RULES = {
    "pulumi-python:dynamic/ceph:RbdImage": Rule(
        "image",
        harmless("A new image; nobody uses it yet."),
        _image_changes,
        _image_goes,
        specs=(ImageSpec, ImageStoreSpec),
        provider=RbdImageProvider,
    ),
}
