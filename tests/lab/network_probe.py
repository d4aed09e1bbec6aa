"""Frames as they are on a link: captured with their 802.1Q tags, and sent with whatever tag a test wants."""

import select
import socket
import struct
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from bench.namespace import Namespace

EVERY_PROTOCOL = 0x0003  # linux/if_ether.h
SOL_PACKET, PACKET_AUXDATA = 263, 8  # linux/if_packet.h, as what follows
AUXDATA = struct.Struct("=IIIHHHH")
TAG_IS_VALID = 0x10
OUTGOING = 4
TAGGED = 0x8100
VLAN_BITS = 0xFFF
EXPERIMENTAL = 0x88B5  # IEEE: for local experiments
ADDRESS = 6


@dataclass(frozen=True)
class Frame:
    """One frame; `vlan` is None where it bears no tag."""

    source: bytes
    vlan: int | None
    payload: bytes


class Capture:
    """What arrives at an interface while the ``with`` lasts; what leaves by it is another's."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERY_PROTOCOL))
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.bind((interface, EVERY_PROTOCOL))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def frames(self, within: float = 0.5) -> list[Frame]:
        """Everything so far, and what comes until it has been quiet, or WITHIN seconds are over."""
        found: list[Frame] = []
        until = time.monotonic() + within
        while (left := until - time.monotonic()) > 0:
            if select.select([self._socket], [], [], left)[0]:
                data, notes, _, sender = self._socket.recvmsg(65535, socket.CMSG_SPACE(AUXDATA.size))
                if sender[2] != OUTGOING:
                    found.append(_frame(data, notes))
        return found


def _frame(data: bytes, notes: list[tuple[int, int, bytes]]) -> Frame:
    source, rest = data[ADDRESS : 2 * ADDRESS], data[2 * ADDRESS :]
    vlan = None
    for level, kind, note in notes:  # the kernel has taken the tag out
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag, _ = AUXDATA.unpack(note[: AUXDATA.size])
            vlan = tag & VLAN_BITS if status & TAG_IS_VALID else None
    if vlan is None and int.from_bytes(rest[:2]) == TAGGED:
        vlan = int.from_bytes(rest[2:4]) & VLAN_BITS
    return Frame(source, vlan, rest)


def send(namespace: Namespace, interface: str, vlan: int | None, mark: bytes) -> None:
    """Broadcast a frame that bears MARK, and the tag of VLAN if one is given."""
    tag = struct.pack("!HH", TAGGED, vlan) if vlan is not None else b""
    frame = b"\xff" * ADDRESS + b"\x02\x00\x00\x00\x00\x99" + tag + struct.pack("!H", EXPERIMENTAL)
    with namespace.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
        out.bind((interface, 0))
        out.send((frame + mark).ljust(60, b"\0"))
