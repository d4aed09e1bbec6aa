"""Changes stack files whose names the services confuse: only what was taken out of the file may be deleted.

Each round has a stack of its own, and beside it, made by hand, objects with other spellings of its names.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
import time
import unicodedata
from typing import TYPE_CHECKING, Any

import yaml

from clients import glance
from clients import openstack as openstack_client
from clients.names import folded
from tests.lab.cloud_stack import lab_environment
from tests.lab.golden_image import records
from tests.program_copy import ProgramCopy
from tests.soak.rounds import FOLDER, NotConvergedError, run_all
from tests.soak.spellings import WORDS, other_spelling

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from openstack.connection import Connection

STACK = "names"
KINDS = ("project", "account", "network", "image")
_FIRST_VLAN = 970
_UP = ("up", "--yes", "--skip-preview", "--stack", STACK)
IMPORTER = "lab-image-import"
_IMAGE_BYTES = 1 << 20

Names = dict[str, str]
"""What a stack declares: how it is spelled, by its folded name."""


class Round:
    """A stack, what is beside it, and what it becomes."""

    def __init__(self, seed: int | str, number: int, folder: Path, admin: Connection) -> None:
        self.suffix = f"n{seed}x{number}"
        self.home = f"home-{self.suffix}"  # the project that the accounts have access to
        self.folder = folder / self.suffix
        self.admin = admin
        self.chance = random.Random(f"{seed}/{number}")  # noqa: S311 - no secret
        self._vlans: dict[str, int] = {}  # of every network that the round has had, by its folded name

    def names(self) -> dict[str, Names]:
        """Two of each kind."""
        return {
            kind: {folded(name): name for name in self._words(self.chance.sample(WORDS, 2))} for kind in KINDS
        }

    def _words(self, words: Iterable[str]) -> list[str]:
        return [f"{word}-{self.suffix}" for word in words]

    def changed(self, before: dict[str, Names]) -> dict[str, Names]:
        """Of each kind one is taken out, kept or spelled anew, and sometimes one is added."""
        after = {}
        for kind, names in before.items():
            kept = dict(names)
            for key, name in names.items():
                what = self.chance.choice(("keep", "spell", "spell", "remove"))
                if what == "remove":
                    del kept[key]
                elif what == "spell":
                    kept[key] = other_spelling(name, self.chance)
            if len(kept) < len(names) and self.chance.random() < 0.5:
                (name,) = self._words(
                    self.chance.sample([w for w in WORDS if folded(f"{w}-{self.suffix}") not in names], 1)
                )
                kept[folded(name)] = name
            after[kind] = kept
        return after

    def text(self, names: dict[str, Names]) -> str:
        """The stack file; what an entry holds beside its name follows from its folded name."""
        domain = f"corp-{self.suffix}"
        home = {"project": self.home, "domain": domain}
        for key in names["network"]:
            self._vlans.setdefault(key, _FIRST_VLAN + len(self._vlans))
        sections = {
            "domains": [{"name": domain}],
            "projects": [
                {"name": name, "domain": domain, "default_security_group": "closed"}
                for name in (self.home, *names["project"].values())
            ],
            "accounts": [
                {
                    "name": name,
                    "domain": domain,
                    "password": {"generated": 1},
                    "access": [{"roles": ["member"], **home}],
                    "application_credentials": [{"name": name, **home}],
                }
                for name in names["account"].values()
            ],
            "networks": [
                {"name": name, "segments": [{"physical_network": "physnet1", "vlan": self._vlans[key]}]}
                for key, name in names["network"].items()
            ],
            "image_store": {"cloud": IMPORTER, "pool": "images", "ceph_user": "image-import"},
            "images": [
                {
                    "name": name,
                    "source": str(self.source(key)),
                    "source_format": "raw",
                    "sha256": hashlib.sha256(self.source(key).read_bytes()).hexdigest(),
                }
                for key, name in names["image"].items()
            ],
        }
        config = {f"private-cloud:{key}": value for key, value in sections.items()}
        return yaml.safe_dump(
            {"config": {"private-cloud:openstack": {"cloud": "lab-admin"}, **config}}, sort_keys=False
        )

    def source(self, key: str) -> Path:
        """The disk of the image with that folded name, unlike every other."""
        path = self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.raw"
        if not path.exists():
            path.write_bytes(random.Random(key).randbytes(_IMAGE_BYTES))  # noqa: S311 - no secret
        return path

    def held(self) -> dict[str, dict[str, str]]:
        """What the cloud has with the round's suffix in its name: the name by id, for each kind."""
        identity: Any = self.admin.identity  # the SDK's types have its v2 too
        found = {
            "domain": identity.domains(),
            "project": identity.projects(),
            "account": [
                user
                for domain in identity.domains()
                if domain.name == f"corp-{self.suffix}" or domain.id == "default"
                for user in identity.users(domain_id=domain.id)
            ],
            "network": self.admin.network.networks(),
            "group": self.admin.network.security_groups(),
        }
        held = {
            kind: {thing.id: thing.name for thing in things if self.suffix in folded(thing.name)}
            for kind, things in found.items()
        }
        held["image"] = {
            image["id"]: image["name"]
            for image in records(self.admin)
            if self.suffix in folded(image["name"] or "")
        }
        held["credential"] = {
            credential.id: credential.name
            for user in held["account"]
            for credential in identity.application_credentials(user)
        }
        return held

    def make_foreign(self, names: dict[str, Names]) -> None:
        """Make by hand, beside the stack, what has its names in other spellings.

        The images are of the account that imports the stack's, and say, in other spellings too, whose they are.
        """
        identity: Any = self.admin.identity
        for name in names["project"].values():
            identity.create_project(name=other_spelling(name, self.chance), domain_id="default")
        for name in names["account"].values():
            identity.create_user(name=other_spelling(name, self.chance), domain_id="default")
        for name in names["network"].values():
            self.admin.network.create_network(name=other_spelling(name, self.chance))
        for key, name in names["image"].items():
            other = other_spelling(name, self.chance)
            owner_tags = {
                glance.TAG_STACK: f"private-cloud/{STACK}".upper(),
                glance.TAG_IMAGE: other,
                glance.TAG_SHA256: hashlib.sha256(self.source(key).read_bytes()).hexdigest(),
            }
            with openstack_client.connect(IMPORTER) as importer:
                importer.image.post("/images", json={"name": other, **owner_tags}).raise_for_status()

    def refuse_unlike(self, held: dict[str, dict[str, str]], names: dict[str, Names]) -> None:
        """Compare what is HELD with what is declared, to the letter, accents composed.

        Raises:
            NotConvergedError: they differ.
        """
        wanted = {
            kind: [unicodedata.normalize("NFC", name) for name in declared.values()]
            for kind, declared in names.items()
        }
        wanted["project"].append(self.home)
        wanted["credential"] = [f"{name}-1" for name in wanted["account"]]  # the first serial
        for kind, declared in wanted.items():
            if sorted(held[kind].values()) != sorted(declared):
                raise NotConvergedError(f"{kind}s: declared are {declared}, the cloud has {held[kind]}")

    def sweep(self) -> None:
        """Remove everything with the round's suffix in its name."""
        identity: Any = self.admin.identity
        held = self.held()
        for id_ in held["network"]:
            self.admin.network.delete_network(id_)
        for id_ in held["image"]:
            self.admin.image.delete(f"/images/{id_}")
        for id_ in held["account"]:
            identity.delete_user(id_)
        for id_ in held["project"]:
            identity.delete_project(id_)
        for id_ in held["domain"]:
            identity.update_domain(id_, enabled=False)
            identity.delete_domain(id_)


def run(seed: int | str, number: int, admin: Connection, folder: Path = FOLDER) -> dict[str, object]:
    """One round; what came of it."""
    began, why = time.monotonic(), ""
    shutil.rmtree(folder / f"n{seed}x{number}", ignore_errors=True)
    one = Round(seed, number, folder, admin)
    one.sweep()  # of this round, where a run was stopped in its midst
    program = ProgramCopy.make(one.folder, lab_environment())
    before = one.names()
    after = one.changed(before)
    try:
        _change(one, program, before, after)
    except (NotConvergedError, AssertionError) as error:
        why = str(error)
    else:
        shutil.rmtree(one.folder)
    finally:
        one.sweep()
    return {
        "number": number,
        "rounds": 1,
        "before": before,
        "after": after,
        "why": why,
        "seconds": round(time.monotonic() - began),
    }


def _change(one: Round, program: ProgramCopy, before: dict[str, Names], after: dict[str, Names]) -> None:
    one.make_foreign(before)
    foreign = one.held()
    program.stack(STACK, one.text(before))
    program.succeed(*_UP)
    first = _without(one.held(), foreign)
    one.refuse_unlike(first, before)
    program.file(STACK).write_text(one.text(after), encoding="utf-8")
    program.succeed(*_UP)
    second = _without(one.held(), foreign)
    one.refuse_unlike(second, after)
    for kind in KINDS:
        kept = {id_ for id_, name in first[kind].items() if folded(name) in after[kind]}
        if lost := kept - second[kind].keys():
            raise NotConvergedError(
                f"{kind}s made anew or gone, which were only spelled anew or kept: {lost}"
            )
    program.succeed("preview", "--refresh", "--expect-no-changes", "--stack", STACK)
    program.succeed("destroy", "--yes", "--skip-preview", "--stack", STACK)
    if left := {kind: things for kind, things in _without(one.held(), foreign).items() if things}:
        raise NotConvergedError(f"after destroy there are still {left}")


def _without(
    held: dict[str, dict[str, str]], foreign: dict[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    """What is the stack's, once everything foreign was seen to be as it was."""
    for kind, things in foreign.items():
        changed = {id_: name for id_, name in things.items() if held[kind].get(id_) != name}
        if changed:
            raise NotConvergedError(
                f"{kind}s that nobody gave to the stack were changed or deleted: {changed}"
            )
    return {
        kind: {id_: name for id_, name in things.items() if id_ not in foreign[kind]}
        for kind, things in held.items()
    }


def main() -> int:
    """Run the command; 0 when every round of this run converged."""
    return run_all("soak-names", __doc__, "rounds", run)


if __name__ == "__main__":
    sys.exit(main())
