"""nova-compute on lab-qemu with other options, for a while."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lab.qemu import compute
from lab.qemu.host import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from openstack.connection import Connection

    from lab.settings import Lab

WITHIN = 120.0  # seconds; it reports every ten


def change(lab: Lab, conn: Connection, options: Mapping[str, object]) -> None:
    """Give options that its configuration has another value, and restart it; `python -m lab up` takes them back."""
    path = lab.etc / "nova" / f"nova-compute-{NAME}.conf"
    text = path.read_text()
    for option, value in options.items():
        text, found = re.subn(rf"^{option} = .*$", f"{option} = {value}", text, flags=re.MULTILINE)
        if found != 1:
            raise ValueError(f"{path} has {found} options {option!r}, and one was meant")
    path.write_text(text)
    restart(lab, conn)


def restart(lab: Lab, conn: Connection) -> None:
    """Restart it, and wait until Nova has heard of it."""
    control = [str(lab.programs / "bin" / "supervisorctl"), "-c", str(lab.etc / "supervisord.conf")]
    subprocess.run([*control, "stop", compute.DAEMON], check=True, capture_output=True)
    stopped = datetime.now(UTC).replace(tzinfo=None)
    subprocess.run([*control, "start", compute.DAEMON], check=True, capture_output=True)
    until = time.monotonic() + WITHIN
    while not any(
        datetime.fromisoformat(one.updated_at) > stopped
        for one in conn.compute.services(binary="nova-compute", host=NAME)
        if one.updated_at
    ):
        if time.monotonic() > until:
            raise TimeoutError(f"{compute.DAEMON} does not report within {WITHIN:.0f} s")
        time.sleep(0.5)


@contextmanager
def changed(lab: Lab, conn: Connection, options: Mapping[str, object]) -> Iterator[None]:
    """The same, until the `with` ends."""
    path = lab.etc / "nova" / f"nova-compute-{NAME}.conf"
    before = path.read_text()
    try:
        change(lab, conn, options)
        yield
    finally:
        path.write_text(before)
        restart(lab, conn)
