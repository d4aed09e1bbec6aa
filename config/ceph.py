"""cephx users and the login that makes them."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from config.ceph_caps import CephCapsSpec, too_wide
from config.errors.issues import invalid
from config.fields import CephConf, ProjectPath, matching, rising_from_one
from config.fields import CephUser as CephUserName
from config.spec import Problems, Spec, checking


def _that_ceph_can_read(folder: Path) -> Path:
    # Ceph splits the option `keyring` and puts variables into it.
    if not re.fullmatch(r"[^\s,;$%\"']+", str(folder)):
        raise invalid(
            f"'{folder}' has a character in it at which Ceph splits or changes a path (space , ; $ % or a quotation "
            "mark); give another folder"
        )
    return folder


PlainUser = Annotated[  # in names of files, and in sections of ceph.conf
    CephUserName,
    matching(
        "[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}",
        "is not a cephx user's name here; give 1 to 100 letters, digits, '.', '_' and '-', no '.' or '-' at its start",
    ),
]


class CephLoginSpec(Spec, nothing="user conf"):
    """The login with which cephx users are made."""

    user: CephUserName = Field(
        "admin",
        description="the cephx user without 'client.'; 'admin', or one that may make users and no more",
    )
    conf: CephConf = None


class CephUserSpec(Spec, nothing="wide_caps adopt", replaced="name folder"):
    """A cephx user, as one entity of Ceph for each serial: a key lives as long as its entity."""

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
    serials: Annotated[tuple[int, ...], rising_from_one(0)] = Field(
        (1,), description="a list of rising numbers, one key for each; the last one is handed out"
    )
    folder: Annotated[ProjectPath, AfterValidator(_that_ceph_can_read)] | None = Field(
        None,
        description="a folder of its own on the machine that runs pulumi, which gets ceph.conf and the keyrings, mode "
        "0600; a relative path is the project folder's; left out, they are outputs only",
    )

    @checking("caps")
    def _no_wider_than_allowed(cls, caps: CephCapsSpec, info: ValidationInfo) -> Problems:
        for kind, cap in caps.by_kind.items():
            if not info.data.get("wide_caps", True) and (problem := too_wide(kind, cap)):
                yield (kind,), problem

    @checking("serials")
    def _somebody_has_a_key(cls, serials: tuple[int, ...], info: ValidationInfo) -> Problems:
        if not serials and info.data.get("adopt", "") is None:
            yield "there is no serial, so nobody has a key; give some such as [1]"

    @property
    def entities(self) -> tuple[str, ...]:
        """The names of its entities without ``client.``, the one that is handed out last."""
        return (*([self.adopt] if self.adopt else []), *(f"{self.name}.{serial}" for serial in self.serials))
