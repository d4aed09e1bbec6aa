"""The real program with the FAKE OpenStack plugin, and a `pulumi up` that is held while it makes a network."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.program_copy import ROOT, ProgramCopy

FAKE = Path(__file__).parent / "fakes" / "fake_openstack_plugin" / "fake_openstack.py"
PLUGIN = "resource-openstack-v5.5.3"
NETWORKS = "private-cloud:networks"
WAIT_S = 60
CLOUDS = ("admin", "cloud-admin", "cloud-image-import", "lab-admin", "lab-image-import")


def program_with_fake(folder: Path, environment: Mapping[str, str], *, cold: bool = False) -> ProgramCopy:
    """A program whose OpenStack plugin is the fake; in its clouds.yaml each entry is a cloud that does not answer."""
    plugin = folder / "home" / "plugins" / PLUGIN / "pulumi-resource-openstack"
    plugin.parent.mkdir(parents=True)
    plugin.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "{FAKE}" "$@"\n', encoding="utf-8"
    )
    plugin.chmod(0o755)
    # Nobody listens there.
    auth = {"auth_url": "https://127.0.0.1:9/v3", "username": "admin", "password": "none"}
    clouds = folder / "clouds.yaml"
    clouds.write_text(yaml.safe_dump({"clouds": {name: {"auth": auth} for name in CLOUDS}}), encoding="utf-8")
    given = {"PULUMI_HOME": str(folder / "home"), "OS_CLIENT_CONFIG_FILE": str(clouds), **environment}
    return ProgramCopy.make(folder / "copy", given, cold=cold)


def stack_with_log(folder: Path, log: Path, stack: str, text: str) -> ProgramCopy:
    """A program whose STACK is up as TEXT says; from then on the fake writes down in LOG what it is asked."""
    made = program_with_fake(folder, {"FAKE_OPENSTACK_LOG": str(log)})
    made.stack(stack, text)
    made.succeed("up", "--yes", "--skip-preview", "--stack", stack)
    log.unlink()
    return made


def one_network(**fields: object) -> str:
    """A stack file with one network."""
    network = {"name": "vms", "segments": [{"physical_network": "physnet1", "vlan": 200}], **fields}
    config = {"private-cloud:openstack": {"cloud": "admin"}, NETWORKS: [network]}
    return yaml.safe_dump({"config": config})


@dataclass
class HeldUp:
    """An `up` under way, in the midst of a network."""

    process: subprocess.Popen[bytes]
    file: Path

    def kill(self) -> None:
        """Ends it as a power cut would; its plugins stay, as they do where only pulumi is killed."""
        self.process.kill()
        self.process.wait()

    def let_go(self) -> None:
        """Lets it end well."""
        self.file.unlink()
        assert self.process.wait(WAIT_S) == 0


@contextmanager
def held_up(program: ProgramCopy, stack: str) -> Iterator[HeldUp]:
    """Starts `up`, whose processes can be killed as a person's, and waits until it makes the network."""
    file = program.folder.parent / "hold"
    process = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", stack, "--non-interactive"],
        cwd=program.folder,
        env={**program.cold.environment, "FAKE_OPENSTACK_HOLD": str(file)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + WAIT_S
    while not file.exists():
        assert process.poll() is None, "up ended before it made the network"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    try:
        yield HeldUp(process, file)
    finally:
        file.unlink(missing_ok=True)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
