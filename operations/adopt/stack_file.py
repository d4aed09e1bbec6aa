"""Pulumi.STACK.yaml, added to as a person would: what stands there stays as it is, to the byte.

The text is not written anew, which would lose its layout: entries are put in at the places that YAML's parser
gives for what is there.
"""

import os
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from clients import regular_file
from config.secret import SecretText
from config.settings import NAMESPACE
from operations.adopt.entry import AdoptError, Entry, MissingId
from operations.adopt.layout import block, end_line, key_line

_ENCRYPTED = "secure"


@dataclass(frozen=True)
class StackFile:
    """A stack's file: its path and its text."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """The stack file at PATH.

        Raises:
            AdoptError: it is not there, or no YAML.
        """
        try:
            text = regular_file.text(path)
            yaml.safe_load(text)
        except UnicodeDecodeError as error:
            raise AdoptError(f"{path.name} is not text in UTF-8") from error
        except OSError as error:
            raise AdoptError(
                f"{path.name} cannot be read ({error.strerror}); make it with the key "
                f"{NAMESPACE}:openstack, as docs/settings.md says"
            ) from error
        except yaml.YAMLError as error:
            raise AdoptError(f"{path.name} is no YAML: {error}") from error
        return cls(path, text if text.endswith("\n") else f"{text}\n")

    @property
    def keys(self) -> dict[str, Any]:
        """This program's keys without their namespace; an encrypted value as a secret whose text is unknown."""
        config = (yaml.safe_load(self.text) or {}).get("config") or {}
        prefix = f"{NAMESPACE}:"
        return {
            key.removeprefix(prefix): _unlocked(value)
            for key, value in config.items()
            if key.startswith(prefix)
        }

    def with_additions(self, entries: list[Entry], missing_ids: list[MissingId]) -> "StackFile":
        """This file with ENTRIES at the ends of their sections and MISSING_IDS in theirs.

        Raises:
            AdoptError: a section is written in a way that nothing can be put into.
        """
        edits = [self._id_edit(missing) for missing in missing_ids]
        for section in dict.fromkeys(entry.section for entry in entries):
            added = [entry.values for entry in entries if entry.section == section]
            edits.append(self._section_edit(section, added))
        text = self.text
        in_order = sorted(edits, key=lambda edit: edit[0])  # two at the same place stay in theirs
        for start, end, replacement in reversed(in_order):
            text = text[:start] + replacement + text[end:]
        self._check(text, entries, missing_ids)
        return StackFile(self.path, text)

    def save(self) -> None:
        """Writes the file at once: a run that is killed leaves the old one or the new one."""
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self.path.parent, prefix=f".{self.path.name}.", delete=False
        ) as written:
            written.write(self.text)
            written.flush()
            os.fsync(written.fileno())
        fresh = Path(written.name)
        fresh.chmod(self.path.stat().st_mode)
        fresh.replace(self.path)

    def _after(self, line: int) -> int:
        """The place behind the line of number LINE."""
        return sum(len(text) for text in self.text.splitlines(keepends=True)[: line + 1])

    def _config(self) -> yaml.Node:
        root = yaml.compose(self.text)
        config = _value(root, "config") if root else None
        if not isinstance(config, yaml.MappingNode) or config.flow_style:
            raise AdoptError(f"{self.path.name} has no `config:` with one key a line; write it so first")
        return config

    def _section_edit(self, section: str, added: list[dict[str, Any]]) -> tuple[int, int, str]:
        config = self._config()
        key = f"{NAMESPACE}:{section}"
        column = config.start_mark.column
        node = _value(config, key)
        if node is None:
            place = self._after(end_line(config))
            return place, place, f"\n{' ' * column}{key}:\n{block(added, column + 2, first=True)}"
        if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
            place = self._after(end_line(node))
            return place, place, block(added, node.start_mark.column)
        if isinstance(node, yaml.SequenceNode) and not node.value:  # []
            start, place = node.start_mark.index, self._after(node.end_mark.line)
            rest = self.text[node.end_mark.index : place]
            return start, place, f"{rest}{block(added, column + 2, first=True)}"
        if isinstance(node, yaml.ScalarNode) and not node.value:  # nothing after the colon
            place = self._after(node.start_mark.line)
            return place, place, block(added, column + 2, first=True)
        raise AdoptError(f"{self.path.name}: write {key} as a list with an entry a line ('- name: …') first")

    def _id_edit(self, missing: MissingId) -> tuple[int, int, str]:
        section, *rest = missing.path
        node = _value(self._config(), f"{NAMESPACE}:{section}")
        for step in rest:
            node = node.value[step] if isinstance(step, int) and node else node and _value(node, str(step))
        if not isinstance(node, yaml.MappingNode):
            raise AdoptError(f"{self.path.name}: write {NAMESPACE}:{section} as a list of maps first")
        if node.flow_style:
            place = node.value[-1][1].end_mark.index
            return place, place, f", {key_line('adopt', missing.adopt)}"
        place = self._after(end_line(node.value[0][1]))
        return place, place, f"{' ' * node.start_mark.column}{key_line('adopt', missing.adopt)}\n"

    def _check(self, text: str, entries: list[Entry], missing_ids: list[MissingId]) -> None:
        """That TEXT says what this file says, and the additions, and nothing else."""
        expected = deepcopy(yaml.safe_load(self.text))
        config = expected["config"]
        for missing in missing_ids:
            here = config[f"{NAMESPACE}:{missing.path[0]}"]
            for step in missing.path[1:]:
                here = here[step]
            here["adopt"] = missing.adopt
        for entry in entries:
            key = f"{NAMESPACE}:{entry.section}"
            config[key] = [*(config.get(key) or []), entry.values]
        try:
            same = yaml.safe_load(text) == expected
        except yaml.YAMLError:
            same = False
        if not same:
            raise AdoptError(
                f"{self.path.name} is written in a way that entries cannot be put into safely (an anchor, perhaps); "
                "nothing was written: write its lists with an entry a line first"
            )


def _value(node: yaml.Node, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _unlocked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unlocked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_ENCRYPTED}:
        return SecretText("encrypted")
    return {key: _unlocked(item) for key, item in value.items()}
