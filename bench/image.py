"""The image import beside the limit, the best tuned qemu-img and the story's script: `make bench-image`.

All ways take the same zlib-compressed QCOW2 into the same pool, in mixed order. qemu-img only converts: its
like is ours-conversion (the source's SHA-256 verified as well). `ours` is the whole create: source verified,
snapshot protected, image active in Glance. What the SHA-512 of the whole RAW disk adds, holes included, is
the way ours-sha512.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clients import ceph
from dynamic_providers.rbd_image import store, writer
from dynamic_providers.rbd_image.provider import RbdImageProvider
from dynamic_providers.rbd_image.source import verified

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3
DATA = 1 << 30
VIRTUAL = 6 << 30
MIB = 1 << 20
POOL = "images"
SCRATCH = "bench-scratch"
RESULTS = Path(__file__).parent / "results" / "image.json"


def rbd(*arguments: str, check: bool = True) -> None:
    """Run `rbd` as the lab's administrator, quietly."""
    subprocess.run(["rbd", "--id", "admin", *arguments], check=check, capture_output=True)


def make_source(folder: Path) -> Path:
    """Half random, half well compressible data, as in a system image, in a sparse disk."""
    raw, path = folder / "source.raw", folder / "source.qcow2"
    generator = random.Random(1)  # noqa: S311 - the same bytes each time, no secret
    with raw.open("wb") as file:
        file.truncate(VIRTUAL)
        for number in range(DATA // (4 * MIB)):
            file.seek(number * (VIRTUAL // (DATA // (4 * MIB))) // (4 * MIB) * (4 * MIB))
            file.write(generator.randbytes(2 * MIB) + (b"%08d" % number) * (2 * MIB // 8))
    subprocess.run(["qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", raw, path], check=True)
    raw.unlink()
    return path


def ways(source: Path) -> dict[str, Callable[[], Callable[[], None]]]:
    """Each way runs when called and returns what cleans up after it, which is not timed."""
    target = f"rbd:{POOL}/{SCRATCH}:id=admin:conf={ceph.conf_path(None)}"

    def scratch() -> None:
        rbd("rm", "--no-progress", f"{POOL}/{SCRATCH}")

    def limit() -> Callable[[], None]:
        rbd("create", "--size", f"{VIRTUAL // MIB}M", f"{POOL}/{SCRATCH}")
        rbd(
            *("bench", "--io-type", "write", "--io-size", "4M", "--io-threads", "16"),
            *("--io-total", str(DATA), f"{POOL}/{SCRATCH}"),
        )
        return scratch

    def qemu(*options: str) -> Callable[[], Callable[[], None]]:
        def run() -> Callable[[], None]:
            subprocess.run(["qemu-img", "convert", *options, "-O", "raw", source, target], check=True)
            return scratch

        return run

    def ours(raw_hash: str) -> Callable[[], Callable[[], None]]:
        provider = RbdImageProvider()
        inputs: dict[str, Any] = {
            "name": SCRATCH,
            "source": str(source),
            "sha256": hashlib.sha256(source.read_bytes()).hexdigest(),
            "cloud": "lab-image-import",
            "pool": POOL,
            "ceph_user": "image-import",
            "owner_stack": "bench/image",
            "hash": raw_hash,
        }

        def run() -> Callable[[], None]:
            made = provider.create(inputs)
            return lambda: provider.delete(made.id, made.outs or {})

        return run

    def conversion() -> Callable[[], None]:
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        with (
            store.pool(POOL, "image-import", None) as pool,
            verified(str(source), digest, "qcow2", SCRATCH) as opened,
            store.writable(pool.ioctx, SCRATCH, opened.virtual_size) as target,
        ):
            writer.write(opened, target, pool, SCRATCH, hash_raw=False)
        return scratch

    return {
        "limit": limit,
        "ours-conversion": conversion,
        "ours": ours("none"),
        "ours-sha512": ours("sha512"),
        "tuned-qemu-img": qemu("-W", "-m", "16", "-t", "none", "-S", "4M"),
        "story-script": qemu(),
    }


def main() -> None:
    """Measure, print a table, write the JSON."""
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        source = make_source(Path(folder))
        print(
            f"source: {source.stat().st_size // MIB} MiB QCOW2, {DATA // MIB} MiB data, {VIRTUAL // MIB} MiB disk"
        )
        rbd("rm", "--no-progress", f"{POOL}/{SCRATCH}", check=False)
        all_ways = ways(source)
        for number in range(ROUNDS):
            for name in random.sample(sorted(all_ways), len(all_ways)):
                started = time.monotonic()
                clean_up = all_ways[name]()
                seconds.setdefault(name, []).append(time.monotonic() - started)
                print(f"round {number + 1}/{ROUNDS}: {name} {seconds[name][-1]:.1f} s", flush=True)
                clean_up()
    report = {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}",
        "rounds": ROUNDS,
        "ways": {
            name: {"median_s": statistics.median(taken), "min_s": min(taken), "max_s": max(taken)}
            for name, taken in sorted(seconds.items())
        },
        "ratios": {
            f"{mine}/{name}": statistics.median(a / b for a, b in zip(seconds[mine], taken, strict=True))
            for mine in ("ours", "ours-conversion")
            for name, taken in sorted(seconds.items())
            if not name.startswith("ours")
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\n{'way':16} {'median':>8} {'min':>8} {'max':>8}")
    for name, figures in report["ways"].items():  # type: ignore[attr-defined] # a dict of dicts
        print(f"{name:16} {figures['median_s']:7.1f}s {figures['min_s']:7.1f}s {figures['max_s']:7.1f}s")
    for name, ratio in report["ratios"].items():  # type: ignore[attr-defined] # a dict of floats
        print(f"{name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
