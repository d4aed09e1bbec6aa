"""The lab's real Glance behind a FAKE fault: a proxy on loopback that answers some requests itself, as a test says."""

import http.client
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PASSED_ON = {"content-type", "location", "x-openstack-request-id"}


@dataclass(frozen=True)
class GlanceRequest:
    """A request on its way to Glance: method, path without the version, and the caller's token."""

    method: str
    path: str
    token: str


@dataclass
class Fault:
    """What is done to requests: `answer` gives the status with which one is answered, or None where it passes."""

    answer: Callable[[GlanceRequest], int | None]
    seen: list[GlanceRequest] = field(default_factory=list)


@contextmanager
def faulty_glance(real: str, fault: Fault) -> Iterator[str]:
    """Passes requests on to the Glance at REAL, but for what FAULT does; its address."""
    parts = urlsplit(real)

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = GlanceRequest(
                self.command, self.path.removeprefix("/v2"), self.headers.get("X-Auth-Token", "")
            )
            fault.seen.append(request)
            status = fault.answer(request)
            if status:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            glance = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
            headers = {key: value for key, value in self.headers.items() if key.lower() != "host"}
            glance.request(self.command, self.path, body, headers)
            response = glance.getresponse()
            message = response.read()
            self.send_response(response.status)
            for key, value in response.getheaders():
                if key.lower() in PASSED_ON:
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(message)))
            self.end_headers()
            self.wfile.write(message)
            glance.close()

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
