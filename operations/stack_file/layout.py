"""How entries stand in a stack file: their layout, and what follows an entry.

Small lists and maps are on one line, what has a name on lines of its own. Comments and empty lines behind an entry
ruamel.yaml has at the entry's last value, and what is added must come before them.
"""

from typing import Any

import yaml
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString, SingleQuotedScalarString
from ruamel.yaml.tokens import CommentToken

Node = CommentedMap | CommentedSeq


def cut_tail(node: Node, key: str | int) -> str:
    """Take away the comments and empty lines behind the last line of NODE[KEY]; that line's own comment stays."""
    tail = ""
    *outer, (node, key) = _path_to_last(node, key)
    place = 2 if isinstance(node, CommentedMap) else 0
    found = node.ca.items.get(key) or [None] * 4
    if isinstance(node[key], LiteralScalarString | FoldedScalarString):  # it has no comment of its own
        tail, found[place] = found[place].value if found[place] else "", None
    elif found[place]:
        line, end, tail = found[place].value.partition("\n")
        found[place].value = line + end
    for container in (node, *(one for one, _ in reversed(outer[1:]))):
        for behind in container.ca.end or []:
            tail += " " * behind.column + behind.value
        container.ca.end = []
    return tail


def put_tail(node: Node, key: str | int, tail: str) -> None:
    """Put TAIL behind the last line of NODE[KEY], which has no comment of its own."""
    node, key = _path_to_last(node, key)[-1]
    token = CommentToken(f"\n{tail}", CommentMark(0), None)
    if tail:
        node.ca.items[key] = (
            [None, None, token, None] if isinstance(node, CommentedMap) else [token, None, None, None]
        )


def _path_to_last(node: Node, key: str | int) -> list[tuple[Node, str | int]]:
    """NODE and KEY, and in the same way each container below that its last line is in."""
    path = [(node, key)]
    value = node[key]
    while isinstance(value, CommentedMap | CommentedSeq) and value and not value.fa.flow_style():
        path.append((value, len(value) - 1 if isinstance(value, CommentedSeq) else list(value)[-1]))
        value = value[path[-1][1]]
    return path


def as_written(value: Any, *, in_line: bool = False) -> Any:
    """VALUE with its layout; IN_LINE says whether it stands within a list or map on one line."""
    if isinstance(value, str):
        return text_as_written(value, in_line=in_line)
    if isinstance(value, dict):
        small = not {"name", "adopt"} <= set(value) and not _nested(value.values())
        made: CommentedMap | CommentedSeq = CommentedMap(
            {key: as_written(item, in_line=small) for key, item in value.items()}
        )
    elif isinstance(value, list):
        small = not _nested(value)
        made = CommentedSeq(as_written(item, in_line=small) for item in value)
    else:
        return value
    if small:
        made.fa.set_flow_style()
    return made


def text_as_written(text: str, *, in_line: bool = False) -> str:
    """TEXT, quoted where some YAML would read something else.

    An id of digits and one e is a number to Pulumi's; within a line PyYAML takes the colon of ::/0 for a key's.
    """
    return text if _is_plain(text, in_line=in_line) else SingleQuotedScalarString(text)


def _is_plain(text: str, *, in_line: bool) -> bool:
    for number in (float, lambda digits: int(digits, 0)):
        try:
            number(text)
        except ValueError:
            continue
        return False
    try:
        return bool(yaml.safe_load(text) == text and (not in_line or yaml.safe_load(f"[{text}]") == [text]))
    except yaml.YAMLError:
        return False


def _nested(values: Any) -> bool:
    return any(isinstance(item, dict | list) for item in values)
