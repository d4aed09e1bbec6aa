"""Kolla's groups for an inventory folder: those of the installed Kolla-Ansible, without its example hosts."""

import re
from pathlib import Path

from clients.ansible import located
from clients.errors import CloudError

FILE = "00-groups"  # read first, as Ansible goes by name
SHIPPED = Path("share") / "kolla-ansible" / "ansible" / "inventory" / "multinode"
SYSTEM = (Path("/usr"), Path("/usr/local"))
# Kolla delegates tasks to it; the Python that runs Ansible is there in any case.
LOCALHOST = 'localhost ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"'
_DEFINED = re.compile(r"^\s*(\[baremetal:children\]|baremetal:)\s*$", re.MULTILINE)


def shipped(command: str) -> str:
    """The text of the inventory that Kolla-Ansible ships as its example of many nodes."""
    program = located(command)
    for prefix in (program.resolve().parents[1], *SYSTEM):
        if (prefix / SHIPPED).is_file():
            return (prefix / SHIPPED).read_text(encoding="utf-8")
    raise CloudError(
        f"{program} has no {SHIPPED} beside it, which its package ships; install Kolla-Ansible anew"
    )


def without_hosts(multinode: str) -> str:
    """The same groups with nobody in them but localhost: each host's own file puts it into its groups."""
    kept, of_groups = [], False
    for line in map(str.strip, multinode.splitlines()):
        if line.startswith("["):
            of_groups = ":" in line
            kept += ["", line, *([LOCALHOST] if line == "[deployment]" else [])]
        elif of_groups and line and not line.startswith("#"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def defined_elsewhere(inventory: Path) -> Path | None:
    """Return the operator's own file that defines Kolla's groups, such as [baremetal:children]; it is used unchanged."""
    for path in sorted(inventory.iterdir()):
        if path.is_file() and path.name != FILE and not path.name.startswith((".", "host-")):
            text = path.read_text(encoding="utf-8", errors="replace")
            if _DEFINED.search(text):
                return path
    return None
