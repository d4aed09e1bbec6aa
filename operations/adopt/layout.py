"""How an entry looks in a stack file, and where in the text a part of the file ends."""

from typing import Any

import yaml

_WIDTH = 110
_LONG = 4
"""Entries of more lines than this are kept apart by an empty line."""


class _Layout(yaml.SafeDumper):
    """As the stack files are written: small lists and maps on one line, what has a name on lines of its own."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's
        super().increase_indent(flow, indentless=False)

    def on_one_line_if_small(self, data: dict[str, Any] | list[Any]) -> yaml.Node:
        if isinstance(data, list):
            node: yaml.CollectionNode = self.represent_list(data)
            small = not any(isinstance(item, dict | list) for item in data)
        else:
            node = self.represent_dict(data)
            small = not any(isinstance(item, dict | list) for item in data.values())
            small = small and not {"name", "adopt"} <= set(data)
        node.flow_style = small
        return node

    def quoted_if_a_number(self, data: str) -> yaml.Node:
        # What reads as a number to any YAML: an id of digits and one e is one to Pulumi, and none to PyYAML.
        return self.represent_scalar(
            "tag:yaml.org,2002:str", data, style="'" if _reads_as_a_number(data) else None
        )


def _reads_as_a_number(text: str) -> bool:
    for kind in (float, lambda digits: int(digits, 0)):
        try:
            kind(text)
        except ValueError:
            continue
        return True
    return False


_Layout.add_representer(str, _Layout.quoted_if_a_number)
_Layout.add_representer(dict, _Layout.on_one_line_if_small)
_Layout.add_representer(list, _Layout.on_one_line_if_small)


def block(entries: list[dict[str, Any]], column: int, *, first: bool = False) -> str:
    """ENTRIES as items of a list whose dashes stand at COLUMN; FIRST, if the list begins with them."""
    texts = []
    for entry in entries:
        lines = yaml.dump(
            [entry], Dumper=_Layout, sort_keys=False, allow_unicode=True, width=_WIDTH
        ).splitlines()
        apart = "\n" if len(lines) > _LONG else ""
        texts.append(apart + "".join(f"{' ' * column}{line}\n" if line else "\n" for line in lines))
    return "".join(texts).removeprefix("\n" if first else "")


def key_line(key: str, value: str) -> str:
    """KEY: VALUE, quoted where YAML needs it."""
    text: str = yaml.dump(
        {key: value}, Dumper=_Layout, allow_unicode=True, width=10 * _WIDTH, default_flow_style=False
    )
    return text.strip().removeprefix("{").removesuffix("}")


def end_line(node: yaml.Node) -> int:
    """The number of the last line that NODE is on; what a list or map is followed by is no part of it."""
    if isinstance(node, yaml.CollectionNode) and node.value and not node.flow_style:
        last = node.value[-1]
        return max(map(end_line, last)) if isinstance(last, tuple) else end_line(last)
    line: int = node.end_mark.line
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"} and node.end_mark.column == 0:
        return line - 1
    return line
