"""The engine built from the Go module mirror, with this project's own Python language host.

docs/adr/0001-engine-from-module-mirror.md says why, and what of it comes from where.
"""

import shlex
import shutil
from pathlib import Path

from toolchain import golang
from toolchain.pins import CLI_SOURCES
from toolchain.places import SOURCES, Places

COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
SDK = "github.com/pulumi/pulumi/sdk/v3"
VERSION_VARIABLE = f"{SDK}/go/common/version.Version"
# Scripts that lie in the SDK's module as they are.
SHIMS = ("python/cmd/pulumi-language-python-exec", "python/dist/pulumi-resource-pulumi-python")


def sources() -> list[Path]:
    """Return the files that decide what comes out."""
    return [CLI_SOURCES / "go.mod", CLI_SOURCES / "go.sum", SOURCES / "modules.py"]


def build(version: str, go: golang.Go, folder: Path, places: Places) -> None:
    """Build the engine into a folder, and lay its Python side beside it.

    Raises:
        Failure: Go could not be had, or the build failed.
    """
    program = golang.install(go, places)
    variable = f"{VERSION_VARIABLE}=v{version}"
    golang.build(program, CLI_SOURCES, COMMAND, variable, output=folder / "pulumi", logs=places.logs)
    sdk = golang.module_folder(program, CLI_SOURCES, SDK)
    for shim in SHIMS:
        path = folder / Path(shim).name
        shutil.copyfile(sdk / shim, path)
        path.chmod(0o755)
    host = folder / "pulumi-language-python"
    host.write_text(host_script(places))
    host.chmod(0o755)


def host_script(places: Places) -> str:
    """Return the script that the engine starts as its Python language host."""
    parts = [
        places.venv / "bin" / "python",
        "-P",  # the modules beside language_host.py hide none of the standard library's
        SOURCES / "language_host.py",
        "--runner",
        places.bin / "pulumi-language-python-exec",
    ]
    return f'#!/bin/sh\nexec {shlex.join(str(part) for part in parts)} "$@"\n'
