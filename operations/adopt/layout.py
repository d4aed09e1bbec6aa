"""How an entry looks in a stack file: small lists and maps on one line, what has a name on lines of its own."""

from typing import Any

import yaml
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import SingleQuotedScalarString


def as_written(value: Any) -> Any:
    """VALUE with its layout."""
    if isinstance(value, str):
        return text_as_written(value)
    if isinstance(value, dict):
        made: CommentedMap | CommentedSeq = CommentedMap(
            {key: as_written(item) for key, item in value.items()}
        )
        small = not {"name", "adopt"} <= set(value) and not _nested(value.values())
    elif isinstance(value, list):
        made = CommentedSeq(map(as_written, value))
        small = not _nested(value)
    else:
        return value
    if small:
        made.fa.set_flow_style()
    return made


def text_as_written(text: str) -> str:
    """TEXT, quoted where some YAML would read something else: an id of digits and one e is a number to Pulumi's."""
    return text if _is_plain(text) else SingleQuotedScalarString(text)


def _is_plain(text: str) -> bool:
    for number in (float, lambda digits: int(digits, 0)):
        try:
            number(text)
        except ValueError:
            continue
        return False
    try:
        return bool(yaml.safe_load(text) == text)
    except yaml.YAMLError:
        return False


def _nested(values: Any) -> bool:
    return any(isinstance(item, dict | list) for item in values)
