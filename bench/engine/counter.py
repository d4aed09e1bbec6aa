"""A reverse proxy on loopback, in front of the cloud's APIs, that counts the requests it passes on.

It listens on another loopback address of the same length, at the services' own ports, and answers with that one in
place of the services': in the catalogue and in links, so that no client bypasses it. Requests between services, such as
token validation, do not pass through it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import threading
from collections import Counter
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

MOST_HEAD = 1 << 20  # bytes
_ID = re.compile(r"/[0-9a-f]{32}\b|/[0-9a-f]{8}-[0-9a-f-]{27}\b")
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.IGNORECASE | re.MULTILINE)


def proxy_address(address: str) -> str:
    """Return another loopback address that is written with as many characters.

    Answers keep their length, and with it their Content-Length. The lab's own addresses are all in 127.0.0.0/24.
    """
    first, second, *rest = ipaddress.IPv4Address(address).exploded.split(".")
    return ".".join([first, "9" * len(second), *rest])


def kind(service: str, line: str) -> str:
    """Return what a request is counted as: service, method and path, without ids and queries.

    LINE is the request's first, such as ``GET /v3/users?name=x HTTP/1.1``.
    """
    method, target, *_ = line.split(" ")
    path = _ID.sub("/*", target.partition("?")[0].rstrip("/") or "/")
    # Tools that ask by name write it where the id goes.
    path = re.sub(r"/bench-[0-9-]+$", "/NAME", path)
    return f"{service} {method} {path}"


class CountingProxy:
    """Forwards requests to ``proxy_address(address)`` while the ``with`` lasts.

    Args:
        address: the services'.
        ports: their names and ports.
    """

    def __init__(self, address: str, ports: dict[str, int]) -> None:
        self.address = proxy_address(address)
        self._behind = address
        self._ports = ports
        self._counted: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="counting proxy")
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            for service, port in self._ports.items():
                listening = asyncio.run_coroutine_threadsafe(self._listen(service, port), self._loop)
                self._servers.append(listening.result())
        except OSError:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def taken(self) -> Counter[str]:
        """Return what was counted since it was last asked, by `kind`."""
        counted, self._counted = self._counted, Counter()
        return counted

    async def _listen(self, service: str, port: int) -> asyncio.Server:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(
                OSError, asyncio.IncompleteReadError
            ):  # the client sees its connection end
                await self._pass_on(service, port, reader, writer)
            writer.close()

        return await asyncio.start_server(serve, self.address, port, limit=MOST_HEAD)

    async def _pass_on(
        self, service: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One request a connection: the lab's services close it after the answer too."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        self._counted[kind(service, head.partition(b"\r\n")[0].decode("latin-1"))] += 1
        from_service, to_service = await asyncio.open_connection(self._behind, port)
        try:
            to_service.write(self._renamed(head, self.address, self._behind) + body)
            await to_service.drain()
            answer = await from_service.read()
        finally:
            to_service.close()
        writer.write(self._renamed(answer, self._behind, self.address))
        await writer.drain()

    def _renamed(self, text: bytes, old: str, new: str) -> bytes:
        for port in self._ports.values():
            text = text.replace(f"{old}:{port}".encode(), f"{new}:{port}".encode())
        return text

    def _stop(self) -> None:
        async def close() -> None:
            for server in self._servers:
                server.close()

        asyncio.run_coroutine_threadsafe(close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
