"""What the OpenStack services share: uwsgi, their health check, and how they check tokens."""

from __future__ import annotations

import functools
import http.client
import importlib.metadata
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from lab import commands
from lab.daemon import Daemon, UnhealthyError
from lab.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.configuration import File
    from lab.settings import Lab


def health(url: str) -> str:
    """Fetch a page of the service that needs no token."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            return f"HTTP {answer.status}"
    except urllib.error.HTTPError as problem:
        raise UnhealthyError(f"HTTP {problem.code} from {url}") from None
    except (OSError, http.client.HTTPException) as problem:
        raise UnhealthyError(f"no answer from {url} ({problem})") from None


def uwsgi(
    lab: Lab,
    name: str,
    *,
    port: int,
    health_path: str,
    files: tuple[File, ...],
    processes: int = 2,
) -> Daemon:
    """Describe a service's API under uwsgi.

    `--http`, a router in front of the workers. It closes each connection after the answer, so the answer has to
    say so (DevStack does the same): clients that reuse connections would find theirs reset, at random.
    """
    binaries = lab.programs / "bin"
    command = [
        str(binaries / "uwsgi"),
        "--http",
        f"{lab.address}:{port}",
        "--module",
        f"{name}.wsgi.api:application",
    ]
    command += [
        "--virtualenv",
        str(lab.programs),
        "--socket",
        f"{lab.run / name}.uwsgi",
        "--chdir",
        str(lab.run),
    ]
    command += [
        "--master",
        "--processes",
        str(processes),
        "--enable-threads",
        "--thunder-lock",
        "--lazy-apps",
    ]
    command += ["--need-app", "--die-on-term", "--no-orphans", "--buffer-size", "65535"]
    command += ["--http-timeout", "600", "--add-header", "Connection: close", "--disable-logging"]
    command += ["--procname-prefix", f"lab-{name} "]
    return Daemon(
        name=name,
        command=tuple(command),
        address=f"{lab.address}:{port}",
        version=functools.partial(importlib.metadata.version, name),
        check=functools.partial(health, lab.url(port, health_path)),
        environment=environment(lab, name, files),
        files=files,
        ports=(port,),
    )


def environment(lab: Lab, name: str, files: tuple[File, ...]) -> dict[str, str]:
    """Say where the service's configuration is, and keep proxies and the person's own settings out."""
    configuration = ";".join(file.path.name for file in files if file.path.suffix == ".conf")
    return {
        f"OS_{name.upper()}_CONFIG_DIR": str(lab.etc / name),
        f"OS_{name.upper()}_CONFIG_FILES": configuration,
        "CEPH_CONF": str(lab.ceph_conf),
        "HOME": str(lab.run),
        "LC_ALL": "C.UTF-8",
        "NO_PROXY": "*",
        "PATH": f"{lab.programs / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONWARNINGS": "ignore",
    }


def manage(
    lab: Lab,
    service: str,
    program: str,
    arguments: Sequence[str],
    files: tuple[File, ...],
    *,
    extra: Mapping[str, str] | None = None,
) -> None:
    """Run a service's own management program, logging to make-SERVICE.log."""
    for file in files:
        file.write()
    binaries = lab.programs / "bin"
    command = [str(binaries / "python"), str(binaries / program)]
    for file in files:
        if file.path.suffix == ".conf":
            command += ["--config-file", str(file.path)]
    commands.logged(
        [*command, *arguments],
        lab.log / f"make-{service}.log",
        environment=environment(lab, service, files) | dict(extra or {}),
    )


def token_checks(lab: Lab, secrets: Mapping[str, str], name: str) -> dict[str, object]:
    """Render [keystone_authtoken]: the service checks its callers' tokens as its own account."""
    return {
        "www_authenticate_uri": lab.url(lab.ports.keystone, "/v3"),
        "auth_url": lab.url(lab.ports.keystone, "/v3"),
        "auth_type": "password",
        "username": name,
        "password": secrets[f"keystone/{name}"],
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
        "region_name": REGION,
        "service_token_roles": "service",
        "service_token_roles_required": True,
    }
