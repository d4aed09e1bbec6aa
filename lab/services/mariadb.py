"""MariaDB, with a data folder, socket and port of its own: Debian's /var/lib/mysql is not touched."""

from __future__ import annotations

import functools
import shutil
import subprocess
from typing import TYPE_CHECKING

from lab import commands, packages
from lab.configuration import File, ini
from lab.daemon import Daemon, UnhealthyError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Lab

# Each service's account, and what it may use.
DATABASES = {
    "keystone": ("keystone",),
    "glance": ("glance",),
    "neutron": ("neutron",),
    "placement": ("placement",),
    "nova": ("nova_api", "nova_cell0", "nova"),
    "cinder": ("cinder",),
}


def folder(lab: Lab) -> Path:
    """Where the tables are."""
    return lab.data / "mariadb"


def conf(lab: Lab) -> File:
    """Render the server's and the client's options: small, loopback only, without durability."""
    socket = lab.run / "mariadb.sock"
    server: dict[str, object] = {
        "user": "root",
        "datadir": folder(lab),
        "socket": socket,
        "pid-file": lab.run / "mariadb.pid",
        "bind-address": lab.address,
        "port": lab.ports.mariadb,
        "tmpdir": "/tmp",  # noqa: S108 - MariaDB makes its own unguessable names there
        "skip-name-resolve": None,
        "skip-log-bin": None,
        "max-connections": 400,
        "performance-schema": "OFF",
        "innodb-buffer-pool-size": "128M",
        "innodb-log-file-size": "32M",
        "innodb-flush-log-at-trx-commit": 2,
        "innodb-doublewrite": "OFF",
        "character-set-server": "utf8mb3",
    }
    return File(
        lab.etc / "mariadb.cnf", ini({"mariadbd": server, "client": {"socket": socket, "user": "root"}})
    )


def prepare(lab: Lab) -> None:
    """Make the system tables, once."""
    made = folder(lab).with_name("mariadb.made")
    if made.exists():
        return
    shutil.rmtree(folder(lab), ignore_errors=True)  # a former attempt was cut off: it never ran
    conf(lab).write()
    command = ["mariadb-install-db", f"--defaults-file={lab.etc / 'mariadb.cnf'}", "--user=root"]
    command += ["--auth-root-authentication-method=socket", "--skip-test-db"]
    commands.logged(command, lab.log / "make-mariadb.log")
    made.touch()


def make_databases(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Make each service's databases and account; safe to repeat."""
    statements = []
    for name, databases in DATABASES.items():
        account = f"'{name}'@'%'"
        statements.append(
            f"CREATE USER IF NOT EXISTS {account} IDENTIFIED BY '{secrets[f'mariadb/{name}']}';"
        )
        for database in databases:
            statements += [
                f"CREATE DATABASE IF NOT EXISTS {database};",
                f"GRANT ALL ON {database}.* TO {account};",
            ]
    client = ["mariadb", f"--defaults-file={lab.etc / 'mariadb.cnf'}"]
    commands.logged(client, lab.log / "make-databases.log", given="\n".join(statements))


def connection(lab: Lab, secrets: Mapping[str, str], name: str, database: str = "") -> str:
    """Return the URL of a service's database (by default the one of its name) for oslo.db."""
    server = f"{lab.address}:{lab.ports.mariadb}"
    return f"mysql+pymysql://{name}:{secrets[f'mariadb/{name}']}@{server}/{database or name}"


def ask(lab: Lab, query: str) -> str:
    """Run a query for a single value; "NULL" if there is none."""
    client = ["mariadb", f"--defaults-file={lab.etc / 'mariadb.cnf'}", "-NBe", query]
    answer = subprocess.run(client, capture_output=True, text=True, check=False, timeout=20)
    if answer.returncode:
        raise UnhealthyError(answer.stderr.strip())
    return answer.stdout.strip()


def health(lab: Lab) -> str:
    """Run a trivial query."""
    ask(lab, "SELECT 1")
    return "answers"


def daemons(lab: Lab) -> tuple[Daemon, ...]:
    """List the one server."""
    server = Daemon(
        name="mariadb",
        command=("/usr/sbin/mariadbd", f"--defaults-file={lab.etc / 'mariadb.cnf'}"),
        address=f"{lab.address}:{lab.ports.mariadb}",
        version=functools.partial(packages.version, "mariadb-server"),
        check=functools.partial(health, lab),
        files=(conf(lab),),
        ports=(lab.ports.mariadb,),
    )
    return (server,)
