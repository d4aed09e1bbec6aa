"""Which hosts the files of an Ansible inventory folder define, read as Ansible would, without running anything.

What a program prints as inventory (a script, a plugin's configuration) is not looked into.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from clients import regular_file
from clients.errors import CloudError

# What ansible-core leaves out of a folder (inventory/manager.py: IGNORED; constants.py: REJECT_EXTS).
_NO_INVENTORY = re.compile(
    r"^\.|^(group_vars|host_vars|vars_plugins)$|(~|\.(pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry))$"
)
_YAML = frozenset({".yml", ".yaml", ".json"})
_RANGE = re.compile(r"\[(?:(\d+):(\d+)|([A-Za-z]):([A-Za-z]))(?::\d+)?\]")
_INI_ADDRESS = re.compile(r"\bansible_(?:ssh_)?host\s*=\s*['\"]?([^\s'\"]+)")


def inventory_files(folder: Path) -> Iterator[Path]:
    """The files below that Ansible would read."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if _NO_INVENTORY.search(path.name):
            continue
        if path.is_dir():
            yield from inventory_files(path)
        else:
            yield path


def hosts(path: Path, name: str) -> dict[str, str | None]:
    """Hosts that the file defines, with the address where it gives one; NAME where a range has it."""
    try:
        text = regular_file.text(path, errors="replace")
    except OSError as error:
        raise CloudError(
            f"the inventory's file {path} cannot be read ({error.strerror}); Ansible reads every file of that folder: "
            "mend it or move it away"
        ) from None
    found: dict[str, str | None] = {}
    if text.startswith("#!"):
        return found
    for host, address in _of_groups(_root(text)) if _is_yaml(path, text) else _of_ini(text):
        named = name if "[" in host and _in_range(host, name) else host
        found[named] = address or found.get(named)
    return found


def _is_yaml(path: Path, text: str) -> bool:
    return path.suffix in _YAML or (not path.suffix and isinstance(_root(text), yaml.MappingNode))


def _root(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)  # nodes: tags such as !vault are no trouble
    except yaml.YAMLError:
        return None


def _of_groups(groups: yaml.Node | None) -> Iterator[tuple[str, str | None]]:
    for _, group in _items(groups):
        for key, value in _items(group):
            if key == "hosts":
                for host, variables in _items(value):
                    yield host, dict(_scalars(variables)).get("ansible_host")
            elif key == "children":
                yield from _of_groups(value)


def _items(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((str(key.value), value) for key, value in node.value)


def _scalars(node: yaml.Node) -> Iterator[tuple[str, str]]:
    yield from ((key, value.value) for key, value in _items(node) if isinstance(value, yaml.ScalarNode))


def _of_ini(text: str) -> Iterator[tuple[str, str | None]]:
    hosts_follow = True
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if not words or words[0].startswith(";"):
            continue
        if words[0].startswith("["):
            # [group] has hosts; [group:vars] and [group:children] have none. A range starts with no name.
            header = re.fullmatch(r"\[([^:\]]+)(:\w+)?\]", words[0])
            if header:
                hosts_follow = header[2] is None
                continue
        if hosts_follow:
            address = _INI_ADDRESS.search(line)
            yield words[0], address[1] if address else None


def _in_range(pattern: str, name: str) -> bool:
    """Whether NAME is among the hosts of a pattern such as compute-[01:12]."""
    parts = _RANGE.split(pattern)  # text, then four groups and the next text, again and again
    expression, bounds = re.escape(parts[0]), []
    for at in range(1, len(parts), 5):
        low, high, first, last, text = parts[at : at + 5]
        bounds.append((low or first, high or last))
        expression += (r"(\d+)" if low else "([A-Za-z])") + re.escape(text)
    found = re.fullmatch(expression, name)
    return found is not None and all(
        _between(value, low, high) for value, (low, high) in zip(found.groups(), bounds, strict=True)
    )


def _between(value: str, low: str, high: str) -> bool:
    if not low.isdigit():
        return low <= value <= high
    width = len(low) if low.startswith("0") else len(str(int(value)))
    return len(value) == width and int(low) <= int(value) <= int(high)
