"""Terraform and the provider whose code our plugin wraps, from the Go module mirror into ``.cloud/bench``.

1.8.5 is the newest Terraform that is one module: later ones have parts that are replaced by folders of their own
repository, which no mirror serves. The provider's version and sums are those that our plugin is built from.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from toolchain import golang, receipt
from toolchain.pins import PLUGIN_SOURCES
from toolchain.places import Places
from toolchain.progress import run, say

if TYPE_CHECKING:
    from pathlib import Path

TERRAFORM, TERRAFORM_VERSION = "github.com/hashicorp/terraform", "1.8.5"
PROVIDER = "github.com/terraform-provider-openstack/terraform-provider-openstack/v3"


def provider_version() -> str:
    """Return the version of the provider that our plugin wraps."""
    found = re.search(rf"{re.escape(PROVIDER)} v(\S+)", (PLUGIN_SOURCES / "go.mod").read_text())
    assert found is not None
    return found[1]


def sums(module: str) -> str:
    """Return the lines of our plugin's go.sum about a module: the checksum database lacks some."""
    lines = (PLUGIN_SOURCES / "go.sum").read_text().splitlines(keepends=True)
    return "".join(line for line in lines if line.startswith(f"{module} "))


def install(folder: Path) -> tuple[Path, Path]:
    """Return the CLI and the provider, built into ``folder`` if they are not there.

    Raises:
        toolchain.failure.Failure: no Go, or the build failed.
    """
    provider = folder / "provider" / "terraform-provider-openstack"
    cli = folder / "terraform"
    _build(TERRAFORM, TERRAFORM_VERSION, cli, folder)
    _build(PROVIDER, provider_version(), provider, folder)
    return cli, provider


def _build(module: str, version: str, program: Path, folder: Path) -> None:
    written = folder / f"{program.name}.receipt.json"
    key = receipt.fingerprint(module, version)
    if receipt.current(written, key):
        return
    go = golang.install(golang.choose(), Places())
    made_in = folder / f"{program.name}.module"
    made_in.mkdir(parents=True, exist_ok=True)
    (made_in / "go.mod").unlink(missing_ok=True)
    (made_in / "go.sum").write_text(sums(module))
    program.parent.mkdir(parents=True, exist_ok=True)
    environment = golang.environment()
    name = f"bench/{program.name}"
    subprocess.run([go, "mod", "init", name], cwd=made_in, env=environment, check=True, capture_output=True)
    for label, command in (
        (f"{program.name} {version} from the Go module mirror", ["get", "-tool", f"{module}@v{version}"]),
        (f"building {program.name} (minutes, the first time)",
         ["build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", str(program), module]),
    ):  # fmt: skip
        run(
            [str(go), *command], label, folder / f"{program.name}.log",
            cwd=made_in, env=environment, holds_lock=False,
        )  # fmt: skip
    receipt.Receipt(key, version, "modules", "", (str(program),)).write(written)
    say(f"{program.name} {version}, built from the Go module mirror")
