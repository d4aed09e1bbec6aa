"""Rules of images and fleets: what they are is pinned, how they are kept, and who sees them."""

from collections.abc import Callable, Iterator, Sequence

from config.fleet import FleetSpec
from config.resource_names import resource_name
from config.resource_types import PLUGIN_IMAGE, RBD_IMAGE, SERVER_FLEET
from policy.declared import Declared
from policy.rule import Facts, Finding, ResourceRule, StackRule

_ALL = frozenset({RBD_IMAGE, PLUGIN_IMAGE})


def _not_pinned(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    looked_up = {
        resource_name(image.name): image.sha256sums
        for image in (facts.settings.images if facts.settings else ())
        if image.sha256sums
    }
    for image in resources:
        if image.type == RBD_IMAGE and resource_name(image.name) in looked_up:
            yield Finding.of(
                image,
                f"its SHA-256 is not in the stack file but looked up in {str(looked_up[resource_name(image.name)])!r}, which can change "
                "without a review",
            )
        elif image.type == RBD_IMAGE and not image.text("sha256") and not image.is_unknown("sha256"):
            yield Finding.of(image, "it has no SHA-256")
        elif image.type == PLUGIN_IMAGE and not image.is_true("verifyChecksum"):
            yield Finding.of(image, "nothing says what its content has to be")


def _fleets_not_pinned(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    if not facts.settings:
        return
    fleets = {fleet.name: fleet.urn for fleet in resources if fleet.type == SERVER_FLEET}
    looked_up = {image.name: image.sha256sums for image in facts.settings.images if image.sha256sums}
    for fleet in facts.settings.fleets:
        if fleet.image in looked_up:
            yield Finding(
                fleet.name,
                f"the SHA-256 of its image {fleet.image!r} is looked up in {str(looked_up[fleet.image])!r}: whoever changes that "
                "file has all its servers made anew",
                fleets.get(resource_name(fleet.name), ""),
            )


def _owners_not_asked(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    yield from _of_fleets(
        resources,
        facts,
        lambda fleet: bool(fleet.people) and fleet.update_mode.mode == "proactive",
        "its machines have owners, and are made anew without asking them (update.mode: proactive)",
    )


def _homes_by_night(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    yield from _of_fleets(
        resources,
        facts,
        lambda fleet: bool(fleet.home_gb and fleet.recreate),
        "it has homes, and is made anew by date (recreate)",
    )


def _of_fleets(
    resources: Sequence[Declared], facts: Facts, is_wrong: Callable[[FleetSpec], bool], sentence: str
) -> Iterator[Finding]:
    urns = {fleet.name: fleet.urn for fleet in resources if fleet.type == SERVER_FLEET}
    for fleet in facts.settings.fleets if facts.settings else ():
        if is_wrong(fleet):
            yield Finding(fleet.name, sentence, urns.get(resource_name(fleet.name), ""))


def _not_raw(image: Declared, _facts: Facts) -> Iterator[str]:
    if not image.is_unknown("diskFormat") and image.text("diskFormat") != "raw":
        yield f"its disk format is {image.text('diskFormat') or 'not given'!r}"


def _public(image: Declared, _facts: Facts) -> Iterator[str]:
    if image.text("visibility") == "public":
        yield "its visibility is public"


def _not_protected(image: Declared, _facts: Facts) -> Iterator[str]:
    if not image.is_true("protected") and not image.is_unknown("protected"):
        yield "Glance deletes it for whoever asks with the right role"


RULES = (
    StackRule(
        name="image-pinned",
        asks="An image's SHA-256 stands in the stack file.",
        reason="Only then is what runs what was reviewed, whoever can write where it is fetched from.",
        remedy="Give its `sha256`, as sha256sum prints it.",
        level="advisory",
        check=_not_pinned,
    ),
    StackRule(
        name="fleet-image-pinned",
        asks="In production the SHA-256 of a fleet's image stands in the stack file.",
        reason="Otherwise servers are made anew, and lose their root disks, without a change that somebody reviewed.",
        remedy="Give the image's `sha256`, as sha256sum prints it, in place of `sha256sums`.",
        level="disabled",
        check=_fleets_not_pinned,
    ),
    StackRule(
        name="fleet-owners-asked",
        asks="Machines with owners are made anew when these ask, or when a deadline has passed.",
        reason="Whoever works on a machine loses its root disk.",
        remedy="Leave `update.mode` out, and give `update.deadline_days`; an exception holds for the time of an urgent update.",
        check=_owners_not_asked,
    ),
    StackRule(
        name="fleet-homes-not-nightly",
        asks="A fleet that is made anew by date carries no homes.",
        reason="What tests leave on a volume, the next night's tests find.",
        remedy="Leave out `home_gb`, or `recreate`: owners ask for a new machine themselves.",
        check=_homes_by_night,
    ),
    ResourceRule(
        name="image-raw",
        asks="Images are RAW in Ceph.",
        reason="From any other format each launch copies and converts the whole disk instead of cloning it.",
        remedy="Declare it under `images`, where it becomes RAW in RBD.",
        types=frozenset({PLUGIN_IMAGE}),
        check=_not_raw,
    ),
    ResourceRule(
        name="image-not-public",
        asks="No image is public.",
        reason="A public image is in every project's list, next to its own.",
        remedy="Make it `community` (whoever knows it may use it) or `shared`.",
        types=_ALL,
        check=_public,
    ),
    ResourceRule(
        name="image-protected",
        asks="Images in production are protected in Glance.",
        reason="One `openstack image delete` by hand, and nobody can launch from it or rebuild.",
        remedy="Set its `protected` to true; this program lifts that itself when it removes the image.",
        level="disabled",
        types=_ALL,
        check=_not_protected,
    ),
)
