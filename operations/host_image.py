"""Build the hosts' image as a stack wants it: `make host-image STACK=prod`; needs podman, and of Python PyYAML alone.

What the stack leaves out, host_image/Containerfile decides.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clients.errors import CloudError
from operations.command import command, parser_of
from operations.stack_file.path import path_of

ROOT = Path(__file__).parents[1]
FOLDER = "host_image"
REPOSITORIES = ("DOCKER_REPOSITORY", "NEW_RELIC_REPOSITORY")
"""Environment variables that are build arguments of the same name: where the builder finds packages."""


def reference(stack: Mapping[str, Any], file: str) -> str:
    """Return the image's name and tag: what the stack's hosts boot.

    Raises:
        CloudError: the stack names none, or one that a build cannot make.
    """
    image = (stack.get("private-cloud:host_image") or {}).get("image")
    if not image:
        raise CloudError(
            f"{file} names no image in private-cloud:host_image; give image: registry/name:tag, which hosts boot"
        )
    if "@" in image:
        raise CloudError(
            f"{file} names {image} by its digest, which no build can aim at; give a tag to build for"
        )
    return str(image)


def arguments(stack: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments of the Containerfile that the stack, or the environment, decides."""
    chosen = {
        "BASE": (stack.get("private-cloud:host_image") or {}).get("base"),
        "CONTAINER_ENGINE": (stack.get("private-cloud:kolla") or {}).get("container_engine"),
        "MONITORING_AGENT": (stack.get("private-cloud:monitoring") or {}).get("agent"),
        **{name: environment.get(name) for name in REPOSITORIES},
    }
    return {name: str(value) for name, value in chosen.items() if value}


def build(image: str, chosen: Mapping[str, str]) -> list[str]:
    """Return the command that builds IMAGE."""
    given = [f"--build-arg={name}={value}" for name, value in chosen.items()]
    file = ROOT / FOLDER / "Containerfile"
    return ["podman", "build", "--pull=newer", f"--file={file}", f"--tag={image}", *given, str(ROOT / FOLDER)]


@command("host-image")
def main() -> int:
    """Build, or say what would be built."""
    parser = parser_of("host-image", __doc__)
    parser.add_argument(
        "--name-only", action="store_true", help="print the image's reference and build nothing"
    )
    given = parser.parse_args()
    file = ROOT / path_of(given.stack)
    if not file.is_file():
        raise CloudError(f"there is no {file.name}; give the name of a stack")
    stack = yaml.safe_load(file.read_text())["config"]
    image = reference(stack, file.name)
    if given.name_only:
        sys.stdout.write(f"{image}\n")
        return 0
    words = build(image, arguments(stack, os.environ))
    sys.stderr.write(f"host-image: {' '.join(words)}\n")
    try:
        return subprocess.run(words, check=False).returncode
    except FileNotFoundError:
        raise CloudError("podman is not installed; it builds the image") from None


if __name__ == "__main__":
    sys.exit(main())
