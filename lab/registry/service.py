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

NAME = "registry"


def url(lab: Lab) -> str:
    """Where it answers."""
    return f"http://{lab.machine_address}:{lab.ports.registry}"


def files(lab: Lab) -> tuple[File, ...]:
    """Render its configuration (YAML, and JSON is YAML)."""
    settings = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(lab.data / "registry")}},
        "http": {"addr": f"{lab.machine_address}:{lab.ports.registry}"},
    }
    return (File(lab.etc / "registry.yml", json.dumps(settings, indent=1) + "\n"),)


def daemons(lab: Lab) -> tuple[Daemon, ...]:
    """List the one registry."""
    configuration = files(lab)
    return (
        Daemon(
            name=NAME,
            command=("/usr/bin/docker-registry", "serve", str(configuration[0].path)),
            address=f"{lab.machine_address}:{lab.ports.registry}",
            version=functools.partial(packages.version, "docker-registry"),
            check=functools.partial(api.health, f"{url(lab)}/v2/"),
            environment={"OTEL_TRACES_EXPORTER": "none"},
            files=configuration,
        ),
    )


def fill(lab: Lab) -> None:
    """Have it hold the fake images."""
    push.push_fake_images(url(lab))
