"""Fetching from http(s) and S3: bounded in time and size, resumed where it breaks off.

A server may be somebody else's: one that stalls, sends for ever, or redirects to what only this machine reaches is refused.
"""

import hashlib
import ipaddress
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import psutil
import requests
import urllib3

from clients.errors import CloudError
from clients.progress import Progress, log_line, waiting

CHUNK = 1 << 20
TIMEOUT_S = (10, 60)  # to connect; between two pieces of the body
MOST_REDIRECTS = 5
ATTEMPTS = 4  # where it breaks off; each goes on where the one before stopped
PAUSE_S = 2.0  # before the second, doubled each time
WINDOW_S = 60.0
LEAST_SPEED = 64 << 10  # bytes a second, in each window
LARGEST = 1 << 40
_RETRIED = frozenset({429, 500, 502, 503, 504})
_HEADERS = {"Accept-Encoding": "identity"}  # the file's own bytes: sizes and ranges count them


@dataclass(frozen=True)
class Download:
    """What was fetched: where it lies until the ``with`` ends, and the SHA-256 of what arrived."""

    path: Path
    sha256: str


class _BrokenOffError(Exception):
    """Worth another attempt; its text is the reason."""


def is_remote(location: str) -> bool:
    """Whether LOCATION is fetched, and no path."""
    return urlsplit(location).scheme in {"http", "https", "s3"}


@contextmanager
def fetched(location: str, folder: Path, what: str) -> Iterator[Download]:
    """Fetch LOCATION into a file in FOLDER, which is removed at the end if it is still there."""
    for left in folder.glob("[0-9]*.part"):  # by processes that were killed: nobody goes on with it
        if not psutil.pid_exists(int(left.name.partition(".")[0])):
            left.unlink(missing_ok=True)
    part = folder / f"{os.getpid()}.{uuid.uuid4()}.part"
    try:
        with _written(part, location) as file:
            transfer = _Transfer(location, file, what)
            transfer.run()
        yield Download(part, transfer.digest.hexdigest())
    finally:
        part.unlink(missing_ok=True)


def _written(part: Path, location: str) -> BinaryIO:
    try:
        return part.open("wb")
    except OSError as error:
        raise CloudError(f"source {location!r} cannot be kept in {part.parent}: {error.strerror}.") from error


class _Transfer:
    """One file on its way, over as many connections as it takes."""

    def __init__(self, location: str, file: BinaryIO, what: str) -> None:
        self._location = location
        self._file = file
        self._what = what
        self.digest = hashlib.sha256()
        self._taken = 0

    def run(self) -> None:
        for attempt in range(ATTEMPTS):
            try:
                self._attempt()
            except _BrokenOffError as error:
                if attempt + 1 == ATTEMPTS:
                    raise self._refused(f"cannot be fetched: {error}") from error
                log_line(f"{self._what}: {error} after {self._taken >> 20} MiB; trying again")
                time.sleep(PAUSE_S * 2**attempt)
            else:
                return

    def _refused(self, sentence: str) -> CloudError:
        return CloudError(f"source {self._location!r} {sentence}.")

    def _attempt(self) -> None:
        try:
            with requests.Session() as session, self._answer(session) as response:
                if self._taken and response.status_code != HTTPStatus.PARTIAL_CONTENT:
                    self._start_over()
                size = self._taken + int(response.headers.get("Content-Length", 0))
                self._refuse_too_large(size)
                with Progress(f"{self._what}: fetching", size) as progress:
                    progress.advance(self._taken)
                    self._take(response, progress)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise _BrokenOffError(_reason(error)) from error

    def _answer(self, session: requests.Session) -> requests.Response:
        url = self._web_address()
        may_be_local = any(address.is_loopback for address in _addresses_of(urlsplit(url).hostname))
        headers = _HEADERS | ({"Range": f"bytes={self._taken}-"} if self._taken else {})
        for _ in range(MOST_REDIRECTS + 1):
            self._refuse_astray(url, may_be_local)
            with waiting(f"{self._what}: waiting for {urlsplit(url).hostname}"):
                response = session.get(
                    url, stream=True, timeout=TIMEOUT_S, headers=headers, allow_redirects=False
                )
            if not response.is_redirect:
                self._refuse_errors(response)
                return response
            response.close()
            url = urljoin(url, response.headers["Location"])
            if urlsplit(url).scheme not in {"http", "https"}:
                raise self._refused(f"redirects to {url!r}, which is no web address")
        raise self._refused(f"redirects more than {MOST_REDIRECTS} times")

    def _web_address(self) -> str:
        """Of an object in S3 one that is signed, and shown to nobody."""
        if urlsplit(self._location).scheme != "s3":
            return self._location
        from dynamic_providers.rbd_image import s3  # noqa: PLC0415 - its library takes long to import

        return s3.signed(self._location)

    def _refuse_astray(self, url: str, may_be_local: bool) -> None:
        """Refuse addresses that only this machine reaches; loopback is right where the first address was there."""
        host = urlsplit(url).hostname or ""
        if requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url)):
            return  # the proxy looks the name up, and has rules of its own
        for address in _addresses_of(host):
            if address.is_link_local or address.is_unspecified or address.is_multicast:
                raise self._refused(f"leads to {host} ({address}), which is no address of a server")
            if address.is_loopback and not may_be_local:
                raise self._refused(f"redirects to {host}, which is this machine itself")

    def _refuse_errors(self, response: requests.Response) -> None:
        if response.status_code < HTTPStatus.BAD_REQUEST:
            return
        response.close()
        status = f"{response.status_code} {response.reason}".strip()
        if response.status_code in _RETRIED:
            raise _BrokenOffError(f"it answers {status}")
        raise self._refused(f"cannot be fetched: it answers {status}")

    def _refuse_too_large(self, size: int) -> None:
        if size > LARGEST:
            raise self._refused(f"is of {size} bytes; at most {LARGEST} (1 TiB) are fetched")
        folder = Path(self._file.name).parent
        free = shutil.disk_usage(folder).free + self._taken
        if size > free:
            raise self._refused(
                f"is of {size} bytes, and {folder} has {free} free: make room, or let XDG_CACHE_HOME name a larger disk"
            )

    def _start_over(self) -> None:
        self.digest = hashlib.sha256()
        self._taken = 0
        self._file.seek(0)
        self._file.truncate()

    def _take(self, response: requests.Response, progress: Progress) -> None:
        since, at = time.monotonic(), self._taken
        while chunk := response.raw.read1(CHUNK):
            self._taken += len(chunk)
            if self._taken > LARGEST:
                raise self._refused(f"sends more than {LARGEST} bytes (1 TiB)")
            self.digest.update(chunk)
            try:
                self._file.write(chunk)
                self._file.flush()
            except OSError as error:
                folder = Path(self._file.name).parent
                raise self._refused(f"cannot be kept in {folder}: {error.strerror}") from error
            progress.advance(len(chunk))
            if (elapsed := time.monotonic() - since) > WINDOW_S:
                if (self._taken - at) / elapsed < LEAST_SPEED:
                    raise _BrokenOffError(f"it sends less than {LEAST_SPEED >> 10} KiB a second")
                since, at = time.monotonic(), self._taken


def _addresses_of(host: str | None) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses of HOST; none where it has none, which whoever connects will tell."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return [getattr(address, "ipv4_mapped", None) or address for address in addresses]


def _reason(error: BaseException) -> str:
    """Why, in words; what libraries say has the whole address in it, signature and all."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return "it does not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not to be trusted"
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "the connection breaks off"
