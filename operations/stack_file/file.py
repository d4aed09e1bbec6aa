"""Pulumi.STACK.yaml, added to as a person would: its comments, its quotes and its order stay."""

import re
from collections import Counter
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Self

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError

from clients import files, regular_file
from clients.errors import CloudError
from config.errors.issues import KeyPath
from config.load import SettingsError, parse
from config.secret import SecretText
from config.settings import NAMESPACE, Settings
from operations.stack_file.entry import Entry, MissingId
from operations.stack_file.layout import as_written, cut_tail, put_tail, text_as_written

_ENCRYPTED = "secure"
_COMMENT = re.compile(r"^ *(#.*)", re.MULTILINE)


@dataclass(frozen=True)
class StackFile:
    """A stack's file: its path and its text."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """The stack file at PATH.

        Raises:
            CloudError: it is not there, or no YAML.
        """
        try:
            text = regular_file.text(path)
            yaml.safe_load(text)
        except OSError as error:
            raise CloudError(
                f"{path.name} cannot be read ({error.strerror}); make it with the key "
                f"{NAMESPACE}:openstack, as docs/settings.md says"
            ) from error
        except yaml.YAMLError as error:
            raise CloudError(f"{path.name} is no YAML: {error}") from error
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

    def settings(self) -> Settings:
        """What it says; relative paths are its folder's.

        Raises:
            SettingsError: with every mistake of it.
        """
        return parse(self.keys, file_name=self.path.name, root=self.path.parent.absolute())

    def with_additions(self, entries: list[Entry], missing_ids: list[MissingId]) -> "StackFile":
        """This file with ENTRIES at the ends of their sections and MISSING_IDS in theirs.

        Raises:
            CloudError: a section is written in a way that nothing can be put into.
        """
        document, root, config = self._loaded()
        for missing in missing_ids:
            self._put_text(config, missing.path, "adopt", missing.adopt)
        for entry in entries:
            self._append(config, entry)
        text = _dumped(document, root)
        expected = deepcopy(yaml.safe_load(self.text))
        said = expected["config"]
        for missing in missing_ids:
            _at(said, missing.path)["adopt"] = missing.adopt
        for entry in entries:
            key = f"{NAMESPACE}:{entry.section}"
            said[key] = [*(said.get(key) or []), entry.values]
        self._check(text, expected)
        return StackFile(self.path, text)

    def with_text(self, path: KeyPath, key: str, value: str) -> "StackFile":
        """This file with VALUE under KEY of the entry at PATH, such as ("fleets", 0).

        Raises:
            CloudError: the entry is written in a way that nothing can be put into.
        """
        document, root, config = self._loaded()
        self._put_text(config, path, key, value)
        text = _dumped(document, root)
        expected = deepcopy(yaml.safe_load(self.text))
        _at(expected["config"], path)[key] = value
        self._check(text, expected)
        return StackFile(self.path, text)

    def save(self) -> None:
        """Write the file at once: a run that is killed leaves the old one or the new one."""
        files.replace(self.path, self.text, self.path.stat().st_mode & 0o777)

    def _loaded(self) -> tuple[YAML, CommentedMap, CommentedMap]:
        """The whole file and its `config`, to be changed, and what writes it."""
        document = YAML()
        document.preserve_quotes = True
        document.width = 4096
        document.explicit_start = "---" in self.text.splitlines()
        try:
            root = document.load(self.text)
        except YAMLError as error:  # of YAML 1.2
            raise CloudError(f"{self.path.name} is no YAML: {error}") from error
        config = root.get("config") if isinstance(root, CommentedMap) else None
        if not isinstance(config, CommentedMap) or config.fa.flow_style():
            raise CloudError(f"{self.path.name} has no `config:` with one key a line; write it so first")
        lists = (value for value in config.values() if isinstance(value, CommentedSeq) and _is_block(value))
        offset = next((one.lc.col - config.lc.col for one in lists), 2)
        document.indent(mapping=config.lc.col, sequence=offset + 2, offset=offset)
        return document, root, config

    def _append(self, config: CommentedMap, entry: Entry) -> None:
        key = f"{NAMESPACE}:{entry.section}"
        section = config.get(key)
        if isinstance(section, CommentedSeq) and _is_block(section):
            tail = cut_tail(config, key)
            section.append(as_written(entry.values))
        elif section is None or section == []:
            tail = cut_tail(config, key if key in config else list(config)[-1])
            if key not in config:
                config.yaml_set_comment_before_after_key(key, before="\n")
            config[key] = CommentedSeq([as_written(entry.values)])
        else:
            raise CloudError(
                f"{self.path.name}: write {key} as a list with an entry a line ('- name: …') first"
            )
        put_tail(config, key, tail)

    def _put_text(self, config: CommentedMap, path: KeyPath, key: str, value: str) -> None:
        section, *rest = path
        place = config.get(f"{NAMESPACE}:{section}")
        for step in rest:
            place = place[step] if isinstance(place, CommentedMap | CommentedSeq) else None
        if not isinstance(place, CommentedMap):
            raise CloudError(f"{self.path.name}: write {NAMESPACE}:{section} as a list of maps first")
        if key in place or place.fa.flow_style():
            place[key] = text_as_written(value)
            return
        tail = cut_tail(place, next(iter(place)))
        place.insert(1, key, text_as_written(value))
        put_tail(place, key, tail)

    def _check(self, text: str, expected: Mapping[str, Any]) -> None:
        """That TEXT says what is EXPECTED and nothing else, with every comment of this file."""
        try:
            same = yaml.safe_load(text) == expected
        except yaml.YAMLError:
            same = False
        kept = Counter(_COMMENT.findall(self.text)) <= Counter(_COMMENT.findall(text))
        if not (same and kept):
            raise CloudError(
                f"{self.path.name} is written in a way that entries cannot be put into safely (an anchor, perhaps); "
                "nothing was written: write its lists with an entry a line first"
            )


def _dumped(document: YAML, root: CommentedMap) -> str:
    text = StringIO()
    document.dump(root, text)
    return text.getvalue()


def _at(config: Mapping[str, Any], path: KeyPath) -> Any:
    """The entry of CONFIG at PATH."""
    section, *rest = path
    here = config[f"{NAMESPACE}:{section}"]
    for step in rest:
        here = here[step]
    return here


def mistakes(path: Path) -> list[str]:
    """What is wrong with the stack file at PATH by itself, a sentence a key; no cloud is asked."""
    try:
        StackFile.read(path).settings()
    except SettingsError as error:
        return error.sentences
    except CloudError as error:
        return [str(error)]
    return []


def _is_block(value: CommentedSeq) -> bool:
    return bool(value) and not value.fa.flow_style()


def _unlocked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unlocked(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_ENCRYPTED}:
        return SecretText("encrypted")
    return {key: _unlocked(item) for key, item in value.items()}
