"""What a host loses when one of its two links is cut: `python -m bench.links`, as root; the lab need not be up.

Numbered datagrams flow both ways, one every 10 ms, while the active link is pulled, plugged in again, and so on
with the other. `median_s` and its like are the longest silence at the receiver, which is 10 ms where nothing is
lost; `lost` are datagrams.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import platform
import socket
import statistics
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bench.cabling import MANAGEMENT, TRUNKED, Cabling, addresses
from bench.namespace import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from bench.namespace import Namespace

ROUNDS = 5
INTERVAL = 0.01  # seconds
AROUND = 0.5  # seconds watched before and after what is measured
PORT = 4789
NUMBER = struct.Struct("!Q")
# The far ends' links leave the checksum to hardware that is not there, and the userspace datapath does not make
# it good: datagrams go without one (linux/socket.h).
SO_NO_CHECK = 11
RESULTS = Path(__file__).parent / "results" / "links.json"


@dataclass(frozen=True)
class Outage:
    """What one flow lost while something happened."""

    sent: int
    lost: int
    silence_s: float
    """The longest time in which nothing arrived."""


class Flow:
    """Numbered datagrams from one namespace to an address in another, while the ``with`` lasts."""

    def __init__(self, origin: Namespace, target: Namespace, address: str) -> None:
        self._sender = origin.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sender.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        self._receiver = target.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._receiver.bind((address, PORT))
        self._receiver.settimeout(0.2)
        self._to = (address, PORT)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=task) for task in (self._send, self._receive)]
        self._sent: list[float] = []
        self._arrived: dict[int, float] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        wait_for(lambda: bool(self._arrived), f"something arrives at {self._to[0]}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._sender.close()
        self._receiver.close()

    def wait_until_it_goes_on(self, since: float) -> None:
        """Wait for a datagram that was sent after SINCE."""
        wait_for(
            lambda: any(self._sent[number] > since for number in reversed(list(self._arrived))),
            f"traffic to {self._to[0]} goes on",
        )

    def outage(self, since: float, until: float) -> Outage:
        """What was lost of the datagrams sent between two times."""
        numbers = [number for number, sent in enumerate(list(self._sent)) if since <= sent <= until]
        arrived = sorted(self._arrived[number] for number in numbers if number in self._arrived)
        silences = [after - before for before, after in itertools.pairwise(arrived)]
        return Outage(len(numbers), len(numbers) - len(arrived), max(silences, default=until - since))

    def _send(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            number = len(self._sent)
            self._sent.append(time.monotonic())
            with contextlib.suppress(OSError):  # no neighbour while nothing flows: it is lost, and counted so
                self._sender.sendto(NUMBER.pack(number), self._to)
            due += INTERVAL
            time.sleep(max(due - time.monotonic(), 0))

    def _receive(self) -> None:
        while not self._over.is_set():
            try:
                (number,) = NUMBER.unpack(self._receiver.recv(NUMBER.size))
            except TimeoutError:
                continue
            self._arrived.setdefault(number, time.monotonic())


@contextlib.contextmanager
def running(cabling: Cabling) -> Iterator[dict[str, Flow]]:
    """Let traffic flow both ways, on the management VLAN and on one that goes by br-ex."""
    with contextlib.ExitStack() as stack:
        flows = {}
        for vlan, inside in ((MANAGEMENT, "the host"), (TRUNKED[0], "a server")):
            here, there = addresses(vlan)
            flows[f"from {inside}"] = stack.enter_context(Flow(cabling.host, cabling.far[vlan], there))
            flows[f"to {inside}"] = stack.enter_context(Flow(cabling.far[vlan], cabling.host, here))
        yield flows


def cut_and_mended(cabling: Cabling, flows: dict[str, Flow], link: str) -> dict[str, Outage]:
    """Cut LINK, mend it when traffic goes on by the other; what each flow lost, by "EVENT, FLOW".

    Raises:
        RuntimeError: traffic did not go on.
    """
    found: dict[str, Outage] = {}
    for event, happen in (("cut", cabling.cut), ("mended", cabling.mend)):
        time.sleep(AROUND)
        since = time.monotonic()
        happen(link)
        happened = time.monotonic()
        for flow in flows.values():
            flow.wait_until_it_goes_on(happened)
        time.sleep(AROUND)
        for name, flow in flows.items():
            # What is under way is not lost.
            found[f"{event}, {name}"] = flow.outage(since - AROUND / 2, time.monotonic() - AROUND / 2)
    return found


def measured(rounds: int) -> dict[str, list[Outage]]:
    """Cut and mend the two links in turn, so many times each."""
    outages: dict[str, list[Outage]] = {}
    with Cabling() as cabling:
        cabling.wait_for_both()
        with running(cabling) as flows:
            for number in range(2 * rounds):
                link = cabling.active()
                for name, outage in cut_and_mended(cabling, flows, link).items():
                    outages.setdefault(name, []).append(outage)
                print(f"cut {number + 1}/{2 * rounds}: {link} cut and mended", flush=True)
    return outages


def report(outages: dict[str, list[Outage]]) -> dict[str, object]:
    """Return what goes into the file of results."""
    return {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, userspace datapath",
        "rounds": ROUNDS,
        "ways": {
            name: {
                "median_s": statistics.median(outage.silence_s for outage in found),
                "min_s": min(outage.silence_s for outage in found),
                "max_s": max(outage.silence_s for outage in found),
                "median_lost": statistics.median(outage.lost for outage in found),
                "max_lost": max(outage.lost for outage in found),
                "sent": sum(outage.sent for outage in found),
            }
            for name, found in outages.items()
        },
        "ratios": {},
    }


def table(outages: dict[str, list[Outage]]) -> str:
    """Return the figures for a person."""
    lines = [f"{'':24} {'silence: median':>16} {'longest':>10} {'lost: median':>13} {'most':>6}"]
    for name, found in outages.items():
        silences = [outage.silence_s * 1000 for outage in found]
        lost = [outage.lost for outage in found]
        lines.append(
            f"{name:24} {statistics.median(silences):13.0f} ms {max(silences):7.0f} ms"
            f" {statistics.median(lost):13.0f} {max(lost):6}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print a table, write the JSON."""
    outages = measured(ROUNDS)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report(outages), indent=2) + "\n")
    print("\n" + table(outages))


if __name__ == "__main__":
    main()
