"""Which Ceph the lab's daemons run: Debian 12's 16.2, or Debian 13's 18.2 in a root of its own. Clients are 16.2 beside both."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from lab import commands, image, packages
from lab.settings import LabError
from lab.supervisor import Supervisor

if TYPE_CHECKING:
    from lab.settings import Lab

PACIFIC, REEF = "pacific", "reef"
SUITE = "trixie"
PACKAGES = ("ceph-mon", "ceph-mgr", "ceph-osd")
# In a mount namespace of its own, which ends with the daemon; the program takes this shell's place. One line, for supervisord.
ENTER = (
    'mount --bind "$1" "$0$1" || exit; '
    'for folder in /proc /sys /dev /run /tmp; do mount --rbind $folder "$0$folder" || exit; done; '
    'root=$0; shift; exec chroot "$root" "$@"'
)


def root(lab: Lab) -> Path:
    """Where 18.2 is, if it was chosen."""
    return lab.folder / "ceph-reef"


def chosen(lab: Lab) -> str:
    """Return the release."""
    return REEF if root(lab).exists() else PACIFIC


def program(lab: Lab, *command: str) -> tuple[str, ...]:
    """Return how one of Ceph's programs is run."""
    if chosen(lab) == PACIFIC:
        return command
    return ("unshare", "--mount", "sh", "-c", ENTER, str(root(lab)), str(lab.folder.resolve()), *command)


def version(lab: Lab, package: str) -> str:
    """Return the version of a package of the daemons."""
    if chosen(lab) == PACIFIC:
        return packages.version(package)
    database = root(lab) / "var" / "lib" / "dpkg"
    command = ["dpkg-query", f"--admindir={database}", "--show", "--showformat=${Version}", package]
    return re.split(r"[-+]", subprocess.run(command, capture_output=True, text=True, check=True).stdout)[0]


def choose(lab: Lab, release: str) -> None:
    """Have the daemons of this release; the data of the other one is for a reset.

    Raises:
        LabError: those of the other release run.
    """
    if release == chosen(lab):
        return
    if Supervisor(lab).answers():
        raise LabError(
            f"The lab runs Ceph {chosen(lab)}: run `python -m lab down` before you choose {release}."
        )
    if release == PACIFIC:
        image.remove(root(lab))
        return
    making = Path(tempfile.mkdtemp(prefix=".making-ceph-", dir=lab.folder))
    try:
        making.chmod(0o755)
        made = making / "root"
        command = ["nice", "mmdebstrap", "--mode=root", "--variant=apt", f"--include={','.join(PACKAGES)}"]
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in image.UNUSED]
        command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", SUITE, str(made)]
        command += [entry.replace(image.SUITE, SUITE) for entry in image.sources()]
        log = lab.folder / "install-ceph.log"
        commands.logged(command, log, environment=os.environ | {"LC_ALL": "C.UTF-8"}, timeout=1800)
        Path(f"{made}{lab.folder.resolve()}").mkdir(parents=True)
        made.rename(root(lab))
    finally:
        image.remove(making)
