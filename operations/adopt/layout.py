"""How an entry looks in a stack file: small lists and maps on one line, what has a name on lines of its own."""

from typing import Any

import yaml
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import SingleQuotedScalarString


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
