"""cephx users and the login that makes them."""

import re
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from config.ceph_caps import CephCapsSpec, too_wide
from config.errors.issues import ValidationIssues, invalid
from config.fields import CephUser as CephUserName
from config.fields import matching
from config.project_folder import ProjectPath
from config.spec import Effects, Spec, changing

_PATH = re.compile(r"[^\s,;$%\"']+")  # Ceph splits the option `keyring` and puts variables into it


PlainUser = Annotated[  # in names of files, and in sections of ceph.conf
    CephUserName,
    matching(
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}",
        "is not a cephx user's name here; give 1 to 100 letters, digits, '.', '_' and '-', no '.' or '-' at its start",
    ),
]


class CephLoginSpec(Spec):
    """The login with which cephx users are made."""

    effects: ClassVar[Effects] = changing(nothing="user conf")

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

    effects: ClassVar[Effects] = changing(nothing="wide_caps adopt", replaced="name folder")

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
    folder: ProjectPath | None = Field(
        None,
        description="a folder of its own on the machine that runs pulumi, which gets ceph.conf and the keyrings, mode "
        "0600; a relative path is the project folder's; left out, they are outputs only",
    )

    @field_validator("caps")
    @classmethod
    def _no_wider_than_allowed(cls, caps: CephCapsSpec, info: ValidationInfo) -> CephCapsSpec:
        issues = ValidationIssues()
        for kind, cap in caps.by_kind.items():
            problem = too_wide(kind, cap)
            if problem and not info.data.get("wide_caps", True):
                issues.add((kind,), problem)
        issues.raise_if_any()
        return caps

    @field_validator("serials")
    @classmethod
    def _rising(cls, serials: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if list(serials) != sorted(set(serials)) or (serials and serials[0] < 1):
            raise invalid(
                f"{list(serials)} are not serials; give rising numbers from 1, such as [1] or [1, 2]"
            )
        if not serials and info.data.get("adopt", "") is None:
            raise invalid("there is no serial, so nobody has a key; give some such as [1]")
        return serials

    @field_validator("folder")
    @classmethod
    def _that_ceph_can_read(cls, folder: Path | None) -> Path | None:
        if folder and not _PATH.fullmatch(str(folder)):
            raise invalid(
                f"'{folder}' has a character in it at which Ceph splits or changes a path (space , ; $ % or a "
                "quotation mark); give another folder"
            )
        return folder

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of its entities without ``client.``, the one that is handed out last."""
        return (*([self.adopt] if self.adopt else []), *(f"{self.name}.{serial}" for serial in self.serials))
