"""A Glance API beside the lab's, for this benchmark only: it has a second store, of files, and shows locations."""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.configuration import ini
from lab.daemon import UnhealthyError
from lab.services import api, glance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lab.settings import Lab

PORT = 9294
WITHIN = 120.0  # seconds


@contextmanager
def two_stores(lab: Lab, secrets: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Run it until the `with` ends; its address."""
    sections = glance.sections(lab, secrets)
    sections["DEFAULT"] |= {
        "enabled_backends": "rbd:rbd,file:file",
        "show_image_direct_url": True,
        "worker_self_reference_url": lab.url(PORT),
    }
    sections["file"] = {"filesystem_store_datadir": folder / "files"}
    (folder / "files").mkdir()
    configuration = folder / "glance-api.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(ini(sections))
    daemon = api.uwsgi(
        lab,
        "glance-two-stores",
        port=PORT,
        health_path="/healthcheck",
        files=(),
        processes=1,
        module="glance.wsgi.api",
    )
    own = {"OS_GLANCE_CONFIG_DIR": str(folder), "OS_GLANCE_CONFIG_FILES": configuration.name}
    environment = {**api.environment(lab, "glance", ()), **own}
    with (folder / "glance.log").open("wb") as log:
        process = subprocess.Popen(
            daemon.command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + WITHIN
        while True:
            try:
                daemon.check()
                break
            except UnhealthyError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        yield lab.url(PORT)
    finally:
        process.terminate()
        process.wait(WITHIN)
