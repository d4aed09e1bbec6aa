"""What the commands beside Pulumi share: the option that names the stack, and how a failure ends them."""

import argparse
import functools
import sys
from collections.abc import Callable

from clients.errors import CloudError


def parser_of(name: str, doc: str | None) -> argparse.ArgumentParser:
    """The parser of `make NAME` for a stack; DOC says what that does."""
    parser = argparse.ArgumentParser(prog=f"make {name}", description=doc)
    parser.add_argument("--stack", required=True, help="the stack, whose file is Pulumi.STACK.yaml")
    return parser


def command(name: str, *refusals: type[Exception]) -> Callable[[Callable[[], int]], Callable[[], int]]:
    """`make NAME`, which ends with 1 and a sentence where the function below raises a CloudError or one of REFUSALS."""
    caught: tuple[type[Exception], ...] = (CloudError, *refusals)

    def wrapped(work: Callable[[], int]) -> Callable[[], int]:
        @functools.wraps(work)
        def run() -> int:
            try:
                return work()
            except caught as error:
                sys.stderr.write(f"{name}: {error}\n")
                return 1

        return run

    return wrapped


def say(text: str) -> None:
    """Tell a person."""
    print(text, flush=True)  # noqa: T201 - a command's output is its interface
