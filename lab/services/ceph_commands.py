"""Ceph's own commands, over one librados connection (the `ceph` program takes half a second a command)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lab.daemon import UnhealthyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

TIMEOUT = 5


class CephCommands:
    """Commands to the monitors of a connected cluster."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    def ask(self, prefix: str, *, given: str = "", **arguments: object) -> Any:
        """Send one monitor command; return its JSON answer, or None where it has none.

        Raises:
            UnhealthyError: The monitor refused it or did not answer.
        """
        command = json.dumps({"prefix": prefix, "format": "json", **arguments})
        code, out, message = self.cluster.mon_command(command, given.encode(), timeout=TIMEOUT)
        if code:
            raise UnhealthyError(f"`ceph {prefix}` failed: {message or f'error {code}'}")
        return json.loads(out) if out.strip() else None

    def ensure_pools(self, names: Iterable[str], *, application: str, placement_groups: int) -> None:
        """Make those of the pools that are not there, for the application."""
        there = self.cluster.list_pools()
        for name in names:
            if name not in there:
                self.ask(
                    "osd pool create",
                    pool=name,
                    pg_num=placement_groups,
                    pgp_num=placement_groups,
                    yes_i_really_mean_it=True,  # 18.2 asks for it where a name begins with a dot, and does nothing
                )
                self.ask("osd pool application enable", pool=name, app=application)


@contextmanager
def connected(conf: Path, name: str = "client.admin") -> Iterator[CephCommands]:
    """Connect to the cluster, with every timeout set first.

    Raises:
        UnhealthyError: No monitor answers, or it does not accept the key.
    """
    import rados  # noqa: PLC0415 - only the lab's venv has it, and `install` runs without

    try:
        options = {
            key: str(TIMEOUT)
            for key in ("client_mount_timeout", "rados_mon_op_timeout", "rados_osd_op_timeout")
        }
        cluster = rados.Rados(conffile=str(conf), name=name, conf=options)
        cluster.connect(timeout=TIMEOUT)
    except (rados.Error, OSError) as problem:
        raise UnhealthyError(f"no monitor answers ({problem})") from None
    try:
        yield CephCommands(cluster)
    finally:
        cluster.shutdown()
