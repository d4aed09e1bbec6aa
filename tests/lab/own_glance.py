"""A Glance API of a test's own beside the lab's, with its database and Ceph, and options as a test wants them."""

import os
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from openstack.connection import Connection
from openstack.identity.v3._proxy import Proxy as IdentityProxy

from lab.daemon import UnhealthyError
from lab.services import api
from lab.settings import Lab

START_TIMEOUT_S = 120


@contextmanager
def own_glance(lab: Lab, folder: Path, **options: str) -> Iterator[str]:
    """Runs it until the `with` ends; its address. OPTIONS are of glance-api.conf's [DEFAULT]."""
    text = (lab.etc / "glance" / "glance-api.conf").read_text(encoding="utf-8")
    for name in options:
        text = re.sub(rf"(?m)^{name} = .*\n", "", text)  # the last of two would count
    lines = "".join(f"{name} = {value}\n" for name, value in options.items())
    (folder / "glance-api.conf").write_text(
        text.replace("[DEFAULT]\n", f"[DEFAULT]\n{lines}", 1), encoding="utf-8"
    )
    with socket.socket() as free:
        free.bind((lab.address, 0))
        port = free.getsockname()[1]
    daemon = api.uwsgi(
        lab, "own-glance", port=port, health_path="/healthcheck", files=(), module="glance.wsgi.api"
    )
    command = [re.sub(r"^.*/own-glance\.uwsgi$", str(folder / "uwsgi"), word) for word in daemon.command]
    environment = {
        **api.environment(lab, "glance", ()),
        "OS_GLANCE_CONFIG_DIR": str(folder),
        "OS_GLANCE_CONFIG_FILES": "glance-api.conf",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        url = lab.url(port)
        _wait_for(f"{url}/healthcheck", folder / "log")
        yield url
    finally:
        process.terminate()
        process.wait(START_TIMEOUT_S)


def _wait_for(page: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            api.health(page)
        except UnhealthyError:
            assert time.monotonic() < deadline, log.read_text(encoding="utf-8")[-2000:]
            time.sleep(0.2)
        else:
            return


@contextmanager
def own_account(
    admin: Connection, lab: Lab, folder: Path, url: str, *roles: str, project: str = "service"
) -> Iterator[dict[str, str]]:
    """An account with ROLES on PROJECT, made where it is not there, whose entry `own` of a clouds.yaml uses that Glance.

    Yields the environment that makes clients read that file.
    """
    name, password = f"test-{secrets.token_hex(4)}", secrets.token_urlsafe()
    assert isinstance(admin.identity, IdentityProxy)
    user = str(admin.identity.create_user(name=name, password=password, domain_id="default").id)
    there = admin.identity.find_project(project, domain_id="default")
    place = there or admin.identity.create_project(name=project, domain_id="default")
    for role in roles:
        role_id = admin.identity.find_role(role, ignore_missing=False).id
        admin.identity.assign_project_role_to_user(place.id, user, role_id)
    entry: dict[str, Any] = yaml.safe_load(lab.clouds.read_text(encoding="utf-8"))["clouds"][
        "lab-image-import"
    ]
    entry["auth"] |= {"username": name, "password": password, "project_name": project}
    # With both the SDK asks nobody which versions there are.
    entry |= {"image_endpoint_override": f"{url}/v2", "image_api_version": "2"}
    clouds = folder / "clouds.yaml"
    with os.fdopen(os.open(clouds, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        yaml.safe_dump({"clouds": {"own": entry}}, file)
    try:
        yield {"OS_CLIENT_CONFIG_FILE": str(clouds)}
    finally:
        admin.identity.delete_user(user)
        if there is None:
            admin.identity.delete_project(place.id)
