"""A FAKE cloud: Keystone lets everybody in, and every list of the other services is empty."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SERVICES = {"compute": "compute/v2.1", "network": "network", "placement": "placement"}


class _Handler(BaseHTTPRequestHandler):
    server: ThreadingHTTPServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def do_GET(self) -> None:
        """A version where one is asked for, else an empty list."""
        path = self.path.partition("?")[0].rstrip("/")
        versions = {
            "/v3": {"id": "v3.14", "status": "stable"},
            "/compute/v2.1": {"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1"},
            "/network/v2.0": {"id": "v2.0", "status": "CURRENT"},
            "/placement": {"id": "v1.0", "status": "CURRENT", "max_version": "1.39", "min_version": "1.0"},
        }
        if path in versions:
            version = versions[path] | {"links": [{"rel": "self", "href": self._url(path)}]}
            self._answer({"version": version} if path != "/placement" else {"versions": [version]})
        elif path == "/network":
            link = {"rel": "self", "href": self._url("/network/v2.0")}
            self._answer({"versions": [versions["/network/v2.0"] | {"links": [link]}]})
        elif path.endswith("/detail"):
            self._answer({"servers": []})
        else:
            self._answer({path.rpartition("/")[2].removeprefix("os-").replace("-", "_"): []})

    def do_POST(self) -> None:
        """A token."""
        self.rfile.read(int(self.headers["Content-Length"]))
        catalog = [
            {
                "type": kind,
                "endpoints": [{"interface": "public", "region": "one", "url": self._url(f"/{path}")}],
            }
            for kind, path in SERVICES.items()
        ]
        user = {"id": "u1", "name": "admin", "domain": {"id": "default", "name": "Default"}}
        token = {
            "user": user,
            "methods": ["password"],
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "catalog": catalog,
            "project": {"id": "p1", "name": "admin", "domain": user["domain"]},
        }
        self._answer({"token": token}, 201)

    def _url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def _answer(self, body: object, status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Subject-Token", "a-token")
        self.end_headers()
        self.wfile.write(text)


@contextmanager
def running() -> Iterator[dict[str, Any]]:
    """Its entry of clouds.yaml, while it runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {
            "auth": {
                "auth_url": f"http://127.0.0.1:{server.server_port}/v3",
                "username": "admin",
                "password": "of the fake",
                "project_name": "admin",
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": "one",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
