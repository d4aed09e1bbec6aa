"""cephx users: what one entry cannot know of the rest of the stack file."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from config.errors.issues import ValidationIssue
from config.settings import Settings


def ceph_user_problems(settings: Settings, raw: Mapping[str, Any]) -> Iterator[ValidationIssue]:
    """What an entry of ceph_users cannot know of the rest of the stack file; RAW is the whole of it."""
    if settings.ceph_users and settings.ceph is None and "ceph" not in raw:
        yield ValidationIssue(
            ("ceph",),
            "it is missing, and there are ceph_users; give {user}: the login that makes them, such as 'admin'",
        )
    seen: dict[str, int] = {}
    folders = dict[Path, int]()
    for index, spec in enumerate(settings.ceph_users):
        for entity in spec.entities:
            first = seen.setdefault(entity, index)
            if first != index:
                yield ValidationIssue(
                    ("ceph_users", index),
                    f"client.{entity} is declared already at ceph_users[{first}]; rename or drop one",
                )
            if settings.ceph and entity == settings.ceph.user:
                yield ValidationIssue(
                    ("ceph_users", index),
                    f"client.{entity} is the login that makes the users (ceph.user); it cannot be one of them",
                )
        if spec.folder and (first := folders.setdefault(spec.folder, index)) != index:
            yield ValidationIssue(
                ("ceph_users", index, "folder"),
                f"'{spec.folder}' is the folder of ceph_users[{first}] already; give each its own",
            )
    yield from _import_login_problems(settings)


def _import_login_problems(settings: Settings) -> Iterator[ValidationIssue]:
    store = settings.image_store
    for spec in settings.ceph_users:
        if store is None or store.ceph_user != spec.name:
            continue
        if spec.folder is None:
            yield ValidationIssue(
                ("image_store", "ceph_user"),
                f"{spec.name!r} is one of ceph_users, and no folder is given there, so the import would find no key; "
                "give it a folder",
            )
        if store.ceph_conf is not None:
            yield ValidationIssue(
                ("image_store", "ceph_conf"),
                f"the import logs in as {spec.name!r} of ceph_users with the ceph.conf in its folder; leave this out",
            )
