"""Debian's docker-registry, where the simulated hosts reach it: on their network, without TLS or a login."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

from lab import packages
from lab.configuration import File
from lab.daemon import Daemon
from lab.registry import push
from lab.services import api

if TYPE_CHECKING:
    from lab.settings import Lab


def url(lab: Lab, address: str) -> str:
    """Where it answers."""
    return f"http://{address}:{lab.ports.registry}"


def files(lab: Lab, address: str) -> tuple[File, ...]:
    """Render its configuration (YAML, and JSON is YAML)."""
    settings = {
        "version": "0.1",
        # It calls each question for what is not there yet an error.
        "log": {"level": "fatal", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(lab.data / "registry")}},
        "http": {"addr": f"{address}:{lab.ports.registry}"},
    }
    return (File(lab.etc / "registry.yml", json.dumps(settings, indent=1) + "\n"),)


def daemons(lab: Lab, address: str) -> tuple[Daemon, ...]:
    """List the one registry, at an address of this machine that the hosts reach."""
    configuration = files(lab, address)
    return (
        Daemon(
            name="registry",
            command=("/usr/bin/docker-registry", "serve", str(configuration[0].path)),
            address=f"{address}:{lab.ports.registry}",
            version=functools.partial(packages.version, "docker-registry"),
            check=functools.partial(api.health, f"{url(lab, address)}/v2/"),
            environment={"OTEL_TRACES_EXPORTER": "none"},
            files=configuration,
        ),
    )


def fill(lab: Lab, address: str) -> None:
    """Have it hold the stand-in images."""
    push.push_stand_ins(url(lab, address))
