"""Where CRUSH puts each placement group with other weights: asked of Ceph's own tools, offline, on the cluster's map."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from clients.errors import CloudError

UNIT = 1 << 16
"""CRUSH counts weights in 1/65536."""

UpSets = Mapping[str, frozenset[int]]
"""The OSDs that should hold each placement group."""
Pairs = tuple[tuple[int, int], ...]
"""Of ``pg-upmap-items``: an OSD that CRUSH gives, and the one that holds the placement group in its stead."""
Pins = Mapping[str, Pairs]
"""By placement group."""

_LINE = re.compile(r"^(\d+\.[0-9a-f]+) raw .* up \(\[([^\]]*)\]", re.MULTILINE)
_NOBODY = {"NONE", "2147483647"}
_TIMEOUT_S = 120


def up_sets(osdmap: bytes, weights: Mapping[int, int]) -> UpSets:
    """The up set of each placement group, in OSDMAP as it is but for these CRUSH WEIGHTS, in `UNIT`.

    Raises:
        CloudError: Ceph's tools are not installed here, or refuse the map.
    """
    with TemporaryDirectory(prefix="osd-expansion-") as folder:
        path, crush = Path(folder, "osdmap"), Path(folder, "crush")
        path.write_bytes(osdmap)
        if weights:
            _run("osdmaptool", str(path), "--export-crush", str(crush))
            for osd, weight in weights.items():
                _run("crushtool", "-i", str(crush), "-o", str(crush), *_reweight(osd, weight))
            _run("osdmaptool", str(path), "--import-crush", str(crush))
        return parsed(_run("osdmaptool", str(path), "--test-map-pgs-dump-all"))


def released(up: UpSets, pins: Pins) -> UpSets:
    """Where each placement group belongs without PINS."""
    found = dict(up)
    for group, pairs in pins.items():
        for given, instead in reversed(pairs):
            if instead in found.get(group, ()) and given not in found[group]:
                found[group] = found[group] - {instead} | {given}
    return found


def parsed(text: str) -> UpSets:
    """What ``osdmaptool --test-map-pgs-dump-all`` prints."""
    return {
        group: frozenset(int(osd) for osd in osds.split(",") if osd and osd not in _NOBODY)
        for group, osds in _LINE.findall(text)
    }


def _reweight(osd: int, weight: int) -> tuple[str, ...]:
    return ("--reweight-item", f"osd.{osd}", f"{weight / UNIT:.16f}")


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError:
        raise CloudError(f"{command[0]} is not installed here: install the package ceph-base") from None
    except subprocess.TimeoutExpired:
        raise CloudError(f"{command[0]} did not end within {_TIMEOUT_S} s") from None
    if done.returncode:
        raise CloudError(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout
