"""Make a new environment's stack file from the template: `make stack NAME=staging`; nothing else is made."""

import argparse
import re
import sys
from pathlib import Path

from clients.errors import CloudError
from operations.command import command, say
from operations.stack_file.file import mistakes
from operations.stack_file.path import path_of

TEMPLATE = Path(__file__).with_name("stack_template.yaml")
PLACEHOLDER = "@NAME@"
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")  # Pulumi's own rule for the names of stacks


def make(name: str, folder: Path) -> Path:
    """Write Pulumi.NAME.yaml into FOLDER; its path.

    Raises:
        CloudError: the name is none for a stack, or it is taken.
    """
    if not _NAME.fullmatch(name):
        raise CloudError(
            f"{name!r} is no name for a stack; give up to 100 letters, digits, '-', '_' and '.', such as staging"
        )
    path = folder / path_of(name)
    for there in (path, path.with_suffix(".yml")):
        if there.exists():
            raise CloudError(f"{there.name} is there already; edit it, or give another name")
    with path.open("x", encoding="utf-8") as file:
        file.write(TEMPLATE.read_text(encoding="utf-8").replace(PLACEHOLDER, name))
    return path


@command("stack")
def main() -> int:
    """Make it, and say what is left to do."""
    parser = argparse.ArgumentParser(prog="make stack", description=__doc__)
    parser.add_argument("--name", required=True, help="the new stack's")
    name = parser.parse_args().name
    path = make(name, Path.cwd())
    lines = [f"{path.name} is made, and nothing else. Left to fill in:"]
    lines += [f"  - {sentence}" for sentence in mistakes(path)]
    lines += [
        "Then choose where its state and its secrets are kept (docs/state.md), and:",
        f"  pulumi stack init {name}    # with --secrets-provider=… where a key server is to keep the secrets",
        f"  make preview STACK={name}",
    ]
    say("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
