"""What follows an entry in YAML: ruamel.yaml has it at the entry's last value, and what is added must come before it."""

from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString
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
