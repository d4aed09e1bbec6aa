"""cephx users: who may do what in Ceph, their keys, and the files with which a machine logs in as one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pulumi
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from clients.errors import CloudError
from components.annotated_types import CephUser as CephUserName
from components.ceph_caps import CephCapsSpec, too_wide
from components.ceph_login import CONF, ceph_conf, keyring, keyring_name
from components.kolla_files import from_the_projects_folder
from components.problems import Problem, Refusals, refusal
from components.spec import Effect, Spec
from dynamic_providers.ceph_login_files import CephLoginFiles
from dynamic_providers.ceph_user import CephUser, CephUserArgs, users

if TYPE_CHECKING:
    from components.settings import Settings

_LONGEST = 100
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # in names of files, and in sections of ceph.conf
_PATH = re.compile(r"[^\s,;$%\"']+")  # Ceph splits the option `keyring` and puts variables into it


def _plain(name: str) -> str:
    if len(name) > _LONGEST or not _USER.fullmatch(name):
        raise refusal(
            f"{name!r} is not a cephx user's name here; give 1 to {_LONGEST} letters, digits, '.', '_' and '-', "
            "no '.' or '-' at its start"
        )
    return name


PlainUser = Annotated[CephUserName, AfterValidator(_plain)]


class CephLoginSpec(Spec):
    """The login with which cephx users are made."""

    effects: ClassVar[Mapping[str, Effect]] = {"user": Effect.NOTHING, "conf": Effect.NOTHING}

    user: CephUserName = Field(
        "admin",
        description="the cephx user without 'client.'; 'admin', or one that may make users and no more",
    )
    conf: Path | None = Field(
        None,
        description="the path of ceph.conf; left out, CEPH_CONF of the environment or /etc/ceph/ceph.conf",
    )


class CephUserSpec(Spec):
    """A cephx user, as one entity of Ceph for each serial: a key lives as long as its entity."""

    effects: ClassVar[Mapping[str, Effect]] = {
        "name": Effect.REPLACED,
        "wide_caps": Effect.NOTHING,
        "adopt": Effect.NOTHING,
        "folder": Effect.REPLACED,
    }

    name: PlainUser = Field(
        description="the user's name without 'client.', such as 'image-import'; its entities are client.NAME.SERIAL"
    )
    wide_caps: bool = Field(
        default=False,
        description="true or false: whether a cap may reach more than the pools, paths or commands that it names",
    )
    caps: CephCapsSpec = Field(description="{mon, osd, mgr, mds}: what it may do, all of it")
    adopt: PlainUser | None = Field(
        None,
        description="the name of a user that is there already: it is taken over with its key, handed out where there "
        "are no serials, and stays in Ceph when this is dropped",
    )
    serials: tuple[int, ...] = Field(
        (1,), description="a list of rising numbers, one key for each; the last one is handed out"
    )
    folder: Path | None = Field(
        None,
        description="a folder of its own on the machine that runs pulumi, which gets ceph.conf and the keyrings, mode "
        "0600; a relative path is the project folder's; left out, they are outputs only",
    )

    @field_validator("caps")
    @classmethod
    def _no_wider_than_said(cls, caps: CephCapsSpec, info: ValidationInfo) -> CephCapsSpec:
        refused = Refusals()
        for kind, cap in caps.by_kind.items():
            problem = too_wide(kind, cap)
            if problem and not info.data.get("wide_caps", True):
                refused.add((kind,), problem)
        refused.raise_if_any()
        return caps

    @field_validator("serials")
    @classmethod
    def _rising(cls, serials: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if list(serials) != sorted(set(serials)) or (serials and serials[0] < 1):
            raise refusal(
                f"{list(serials)} are not serials; give rising numbers from 1, such as [1] or [1, 2]"
            )
        if not serials and info.data.get("adopt", "") is None:
            raise refusal("there is no serial, so nobody has a key; give some such as [1]")
        return serials

    @field_validator("folder")
    @classmethod
    def _that_ceph_can_read(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        if folder is None:
            return None
        absolute = Path(from_the_projects_folder(PurePosixPath(folder), info))
        if not _PATH.fullmatch(str(absolute)):
            raise refusal(
                f"'{absolute}' has a character in it at which Ceph splits or changes a path (space , ; $ % or a "
                "quotation mark); give another folder"
            )
        return absolute

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of its entities without ``client.``, the one that is handed out last."""
        return (*([self.adopt] if self.adopt else []), *(f"{self.name}.{serial}" for serial in self.serials))


@dataclass(frozen=True)
class CephLogin:
    """How this machine logs in as a user that this program makes.

    Attributes:
        user: without ``client.``.
        conf: path of the ceph.conf that is written for it.
        after: what writes it, and the user itself.
    """

    user: str
    conf: str
    after: pulumi.Resource


def ceph_user_problems(settings: "Settings", raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What an entry of ceph_users cannot know of the rest of the stack file; RAW is the whole of it."""
    if settings.ceph_users and settings.ceph is None and "ceph" not in raw:
        yield Problem(
            ("ceph",),
            "it is missing, and there are ceph_users; give {user}: the login that makes them, such as 'admin'",
        )
    seen: dict[str, int] = {}
    folders: dict[Path, int] = {}
    for index, spec in enumerate(settings.ceph_users):
        for entity in spec.entities:
            first = seen.setdefault(entity, index)
            if first != index:
                yield Problem(
                    ("ceph_users", index),
                    f"client.{entity} is declared already at ceph_users[{first}]; rename or drop one",
                )
            if settings.ceph and entity == settings.ceph.user:
                yield Problem(
                    ("ceph_users", index),
                    f"client.{entity} is the login that makes the users (ceph.user); it cannot be one of them",
                )
        if spec.folder and (first := folders.setdefault(spec.folder, index)) != index:
            yield Problem(
                ("ceph_users", index, "folder"),
                f"'{spec.folder}' is the folder of ceph_users[{first}] already; give each its own",
            )
    yield from _import_login_problems(settings)


def _import_login_problems(settings: "Settings") -> Iterator[Problem]:
    store = settings.image_store
    for spec in settings.ceph_users:
        if store is None or store.ceph_user != spec.name:
            continue
        if spec.folder is None:
            yield Problem(
                ("image_store", "ceph_user"),
                f"{spec.name!r} is one of ceph_users, and no folder is given there, so the import would find no key; "
                "give it a folder",
            )
        if store.ceph_conf is not None:
            yield Problem(
                ("image_store", "ceph_conf"),
                f"the import logs in as {spec.name!r} of ceph_users with the ceph.conf in its folder; leave this out",
            )


def make_ceph_users(settings: "Settings") -> dict[str, "CephxUser"]:
    """Makes the users of SETTINGS, by name; first looks whether the login may make them."""
    login = settings.ceph
    if not settings.ceph_users or login is None:  # load() asks for it where there are users
        return {}
    made = {spec.name: CephxUser(spec.name, spec, login=login) for spec in settings.ceph_users}
    look_at_the_login(login, next(iter(made.values())))
    return made


def look_at_the_login(login: CephLoginSpec, resource: pulumi.Resource) -> None:
    """Looks at preview already whether LOGIN may make users; changes nothing.

    Where Ceph cannot be reached from here, RESOURCE gets a warning.

    Raises:
        pulumi.RunError: it may not.
    """
    try:
        with users.connected(login.user, str(login.conf) if login.conf else None) as handle:
            users.refuse_without_rights(handle)
    except users.NoRightsError as error:
        raise pulumi.RunError(f"ceph.user: {error} Nothing was changed.") from None
    except CloudError as error:
        pulumi.log.warn(f"ceph: could not be asked from here ({error}): not checked", resource)


class CephxUser(pulumi.ComponentResource):
    """A cephx user with all its keys, and the files of its login.

    Makes one `CephUser` for each serial, one more for a user that is adopted, and one `CephLoginFiles` where a
    folder is given.
    """

    login: CephLogin | None
    """How this machine logs in as it; None where no folder is given."""
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: user and fsid."""
    login_files: dict[str, pulumi.Output[str]]
    """ceph/NAME/ceph.conf and ceph/NAME/keyring, secret: those of the key that is handed out."""

    def __init__(
        self,
        name: str,
        spec: CephUserSpec,
        *,
        login: CephLoginSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:ceph:CephxUser", name, None, opts)
        made = {
            entity: CephUser(
                entity,
                CephUserArgs(
                    user=entity,
                    caps=spec.caps.by_kind,
                    adopted=entity == spec.adopt,
                    login=login.user,
                    ceph_conf=str(login.conf) if login.conf else None,
                    owner_stack=f"{pulumi.get_project()}/{pulumi.get_stack()}",
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for entity in spec.entities
        }
        user, handed_out = list(made.items())[-1]
        keyrings = {
            keyring_name(entity): each.key.apply(partial(keyring, entity)) for entity, each in made.items()
        }
        self.login = None
        if spec.folder:
            folder = str(spec.folder)
            conf = pulumi.Output.all(handed_out.fsid, handed_out.mon_host).apply(
                lambda known: ceph_conf(known[0], known[1], folder)
            )
            files = CephLoginFiles(
                name,
                folder=folder,
                texts={CONF: conf, **keyrings},
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(made.values())),
            )
            self.login = CephLogin(user, f"{folder}/{CONF}", files)
        plain_conf = pulumi.Output.all(handed_out.fsid, handed_out.mon_host).apply(
            lambda known: ceph_conf(known[0], known[1], None)
        )
        self.login_files = {
            f"ceph/{name}/{CONF}": pulumi.Output.secret(plain_conf),
            f"ceph/{name}/keyring": pulumi.Output.secret(keyrings[keyring_name(user)]),
        }
        self.summary = {"user": user, "fsid": handed_out.fsid}
        self.register_outputs(self.summary)
