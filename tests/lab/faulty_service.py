"""A real service of the lab behind a FAKE fault: a proxy on loopback that answers some requests itself, as a test says.

That a real service under load answers just so is not proven.
"""

import http.client
import http.server
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from lab.settings import Lab
from tests.program_copy import ProgramCopy
from tests.soak.process_tree import RunningPulumi

PASSED_ON = {"content-type", "location", "x-openstack-request-id", "x-subject-token"}


@dataclass(frozen=True)
class Request:
    """A request on its way to the service: method, path without the version, the caller's token, and the body."""

    method: str
    path: str
    token: str
    body: bytes = field(default=b"", repr=False)


def nothing(_: Request) -> int | None:
    """No fault."""
    return None


@dataclass
class Fault:
    """What is done to requests.

    Attributes:
        answer: gives the status with which one is answered in the service's place, or None where it passes.
        afterwards: the same, once the service has done what it was asked for; None where its own answer passes.
        seen: all of them.
        told: text of the service's own answers, and what stands there instead.
    """

    answer: Callable[[Request], int | None] = nothing
    afterwards: Callable[[Request], int | None] = nothing
    seen: list[Request] = field(default_factory=list)
    told: tuple[str, str] = ("", "")


EITHER_WAY = pytest.mark.parametrize(
    "heard", [False, True], ids=["before Nova hears it", "after Nova has done it"]
)
"""For `killed_at`."""


@contextmanager
def faulty_service(real: str, fault: Fault) -> Iterator[str]:
    """Passes requests on to the service at REAL, but for what FAULT does; its address."""
    parts = urlsplit(real)

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = re.sub(r"^/v[\d.]+", "", self.path)
            request = Request(self.command, path, self.headers.get("X-Auth-Token", ""), body)
            fault.seen.append(request)
            if status := fault.answer(request):
                self.refuse(status)
                return
            service = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
            headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
            service.request(self.command, self.path, body, headers)
            response = service.getresponse()
            before, after = fault.told
            message = response.read().replace(before.encode(), after.encode()) if before else response.read()
            service.close()
            if status := fault.afterwards(request):
                self.refuse(status)
                return
            self.send_response(response.status)
            for key, value in response.getheaders():
                if key.lower() in PASSED_ON:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(message)))
            self.end_headers()
            self.wfile.write(message)

        def refuse(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer((str(parts.hostname), 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{parts.hostname}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def with_faulty_nova(program: ProgramCopy, lab: Lab, folder: Path, fault: Fault) -> Iterator[ProgramCopy]:
    """PROGRAM, whose catalogue has Nova behind FAULT; so Keystone is behind a proxy that says so."""
    nova, keystone = lab.url(lab.ports.nova), lab.url(lab.ports.keystone)
    with faulty_service(nova, fault) as url, faulty_service(keystone, Fault(told=(nova, url))) as auth_url:
        text = lab.clouds.read_text(encoding="utf-8")
        assert keystone in text
        clouds = folder / "clouds.yaml"
        clouds.write_text(text.replace(keystone, auth_url), encoding="utf-8")
        clouds.chmod(0o600)
        yield replace(program, environment={**program.environment, "OS_CLIENT_CONFIG_FILE": str(clouds)})


def writes(request: Request) -> bool:
    """Whether it changes a server."""
    return request.method != "GET" and request.path.startswith("/servers")


def killed_at(
    program: ProgramCopy, fault: Fault, stack: str, folder: Path, number: int, *, heard: bool
) -> bool:
    """Whether an `up` of PROGRAM, whose Nova is behind FAULT, was killed at this write; else it ended well.

    Before or after Nova has HEARD of it.
    """
    runs: list[RunningPulumi] = []
    left = [number]

    def kill(request: Request) -> int | None:
        if not writes(request):
            return None
        left[0] -= 1
        return 503 if left[0] < 0 and runs[0].kill("tree") else None

    fault.answer, fault.afterwards = (nothing, kill) if heard else (kill, nothing)
    log = folder / "up.log"
    runs.append(RunningPulumi.start(program, log, "up", "--yes", "--skip-preview", "--stack", stack))
    try:
        code = runs[0].wait(300)
    finally:
        fault.answer = fault.afterwards = nothing
    assert code == 0 or left[0] < 0, log.read_text()
    return code != 0
