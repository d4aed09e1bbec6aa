"""What the OpenStack services share: uwsgi, health check, and token validation."""

from __future__ import annotations

import functools
import http.client
import importlib.metadata
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from lab import commands, packages
from lab.daemon import Daemon, UnhealthyError
from lab.settings import REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

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
    module: str = "",
    package: str = "",
    arguments: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> Daemon:
    """Describe a service's API under uwsgi.

    `--http` is a router in front of the workers. It closes each connection after the answer, so the answer has the
    header for that (as in DevStack): otherwise reused connections are reset at random.

    Args:
        lab: The lab it is part of.
        name: The service's, in paths and variables.
        port: Where it listens.
        health_path: A page that needs no token.
        files: Its configuration.
        processes: How many workers.
        module: Where its application is, if not in NAME.wsgi.api.
        package: What PyPI calls it, if not by its name.
        arguments: What it finds in sys.argv.
        extra: Variables besides the usual ones.
    """
    binaries = lab.programs / "bin"
    command = [
        str(binaries / "uwsgi"),
        "--http",
        f"{lab.address}:{port}",
        "--module",
        f"{module or f'{name}.wsgi.api'}:application",
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
    # Go's clients, Terraform's among them, send a body of unknown length in chunks.
    command += [
        "--http-chunked-input",
        "--http-timeout",
        "600",
        "--add-header",
        "Connection: close",
        "--disable-logging",
    ]
    command += ["--procname-prefix", f"lab-{name} "]
    if arguments:
        command += ["--pyargv", " ".join(arguments)]
    return Daemon(
        name=name,
        command=tuple(command),
        address=f"{lab.address}:{port}",
        version=functools.partial(importlib.metadata.version, package or name),
        check=functools.partial(health, lab.url(port, health_path)),
        environment=environment(lab, name, files) | dict(extra or {}),
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
        "LAB_REQUIREMENTS": packages.key(lab),  # a new environment means a restart
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


def login(lab: Lab, secrets: Mapping[str, str], name: str) -> dict[str, object]:
    """Render how a service logs in as its own account, the way keystoneauth reads it."""
    return {
        "auth_url": lab.url(lab.ports.keystone, "/v3"),
        "auth_type": "password",
        "username": name,
        "password": secrets[f"keystone/{name}"],
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
        "region_name": REGION,
    }


def token_checks(lab: Lab, secrets: Mapping[str, str], name: str) -> dict[str, object]:
    """Render [keystone_authtoken]: the service checks its callers' tokens as its own account."""
    return {
        **login(lab, secrets, name),
        "www_authenticate_uri": lab.url(lab.ports.keystone, "/v3"),
        "service_token_roles": "service",
        "service_token_roles_required": True,
    }


def service_user(lab: Lab, secrets: Mapping[str, str], name: str) -> dict[str, object]:
    """Render [service_user]: besides its caller's token the service shows its own, which outlives that."""
    return {**login(lab, secrets, name), "send_service_user_token": True}


def daemon(
    lab: Lab,
    service: str,
    program: str,
    *,
    files: tuple[File, ...],
    check: Callable[[], str],
    name: str = "",
    package: str = "",
    extra: Mapping[str, str] | None = None,
) -> Daemon:
    """Describe a program of a service that has no port of its own: it listens to the broker.

    Args:
        lab: The lab it is part of.
        service: Whose it is, in paths and variables.
        program: Its name in the environment's `bin`.
        files: Its configuration.
        check: Returns a few words on its health, or raises UnhealthyError.
        name: Its name in the lab, if not the program's.
        package: What PyPI calls it, if not by the service's name.
        extra: Variables besides the usual ones.
    """
    binaries = lab.programs / "bin"
    command = [str(binaries / "python"), str(binaries / program)]
    for file in files:
        command += ["--config-file", str(file.path)]
    return Daemon(
        name=name or program,
        command=tuple(command),
        address=lab.address,
        version=functools.partial(importlib.metadata.version, package or service),
        check=check,
        environment=environment(lab, service, files) | dict(extra or {}),
        files=files,
    )
