"""What a web server can do to a fetch, with a hostile one on loopback."""

import contextlib
import hashlib
import http.server
import ipaddress
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.errors import CloudError
from dynamic_providers.rbd_image import fetch

BODY = bytes(range(256)) * 4096  # 1 MiB
DIGEST = hashlib.sha256(BODY).hexdigest()

Answer = Callable[["Server", http.server.BaseHTTPRequestHandler], None]


class Server:
    """A web server that answers as a test says."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.answer: Answer = whole
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    outer.answer(outer, self)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.ended = threading.Event()


def head(handler, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()


def whole(_server, handler):
    head(handler, Content_Length=len(BODY))
    handler.wfile.write(BODY)


def redirect(to: str) -> Answer:
    return lambda _server, handler: head(handler, 302, Location=to, Content_Length=0)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(fetch, "PAUSE_S", 0.01)
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.ended.set()
    server.http.shutdown()
    server.http.server_close()
    thread.join()


def got(location: str, folder: Path) -> str:
    with fetch.fetched(location, folder, "test") as download:
        assert hashlib.sha256(download.path.read_bytes()).hexdigest() == download.sha256
        return download.sha256


def refused(location: str, folder: Path) -> str:
    with pytest.raises(CloudError) as error:
        got(location, folder)
    assert list(folder.iterdir()) == []
    return str(error.value)


def test_a_file_arrives_as_it_is(server, tmp_path):
    assert got(f"{server.url}/disk", tmp_path) == DIGEST
    assert list(tmp_path.iterdir()) == []
    assert server.requests[0][1]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("file:///etc/passwd", "redirects to 'file:///etc/passwd', which is no web address"),
        ("ftp://127.0.0.1/x", "no web address"),
        ("http://169.254.169.254/latest", "leads to 169.254.169.254 (169.254.169.254), which is no address"),
        ("http://[fe80::1]/x", "no address of a server"),
        ("http://[::ffff:169.254.169.254]/x", "no address of a server"),
        ("http://0.0.0.0/x", "no address of a server"),
        ("/again", "redirects more than 5 times"),
    ],
)
def test_a_redirect_that_leads_astray_is_refused(server, tmp_path, to, message):
    server.answer = redirect(to)
    assert message in refused(f"{server.url}/disk", tmp_path)


def test_a_link_local_address_is_refused_at_once(tmp_path):
    assert "no address of a server" in refused("http://169.254.169.254/disk", tmp_path)


def test_a_redirect_to_this_machine_is_refused_unless_the_source_is_here(server, tmp_path, monkeypatch):
    server.answer = lambda server, handler: (redirect("/moved") if handler.path == "/disk" else whole)(
        server, handler
    )
    assert got(f"{server.url}/disk", tmp_path) == DIGEST
    outside = [[ipaddress.ip_address("192.0.2.1")]] * 2  # what the source's name is found to be, twice
    real = fetch._addresses_of
    monkeypatch.setattr(fetch, "_addresses_of", lambda host: outside.pop() if outside else real(host))
    assert "redirects to 127.0.0.1, which is this machine itself" in refused(f"{server.url}/disk", tmp_path)


def test_what_breaks_off_goes_on_where_it_stopped(server, tmp_path):
    def half_at_a_time(_server, handler):
        start = int(handler.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        status = 206 if start else 200
        head(handler, status, Content_Length=len(BODY) - start)
        handler.wfile.write(BODY[start : start + len(BODY) // 2])

    server.answer = half_at_a_time
    assert got(f"{server.url}/disk", tmp_path) == DIGEST
    assert [request[1].get("Range") for request in server.requests] == [None, f"bytes={len(BODY) // 2}-"]


def test_a_server_that_knows_no_ranges_is_asked_for_the_whole_again(server, tmp_path):
    def broken_once(server, handler):
        if len(server.requests) == 1:
            head(handler, Content_Length=len(BODY))
            handler.wfile.write(BODY[:1000])
        else:
            whole(server, handler)

    server.answer = broken_once
    assert got(f"{server.url}/disk", tmp_path) == DIGEST


def test_a_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(server, tmp_path):
    server.answer = lambda server, handler: (
        head(handler, 503, Content_Length=0) if len(server.requests) < 3 else whole(server, handler)
    )
    assert got(f"{server.url}/disk", tmp_path) == DIGEST
    server.requests.clear()
    server.answer = lambda _server, handler: head(handler, 403, Content_Length=0)
    assert "cannot be fetched: it answers 403 Forbidden." in refused(f"{server.url}/disk", tmp_path)
    assert len(server.requests) == 1


def test_what_always_breaks_off_is_given_up(server, tmp_path):
    server.answer = lambda _server, handler: head(handler, Content_Length=len(BODY))
    assert "cannot be fetched: the connection breaks off." in refused(f"{server.url}/disk", tmp_path)
    assert len(server.requests) == fetch.ATTEMPTS


def test_a_server_that_stalls_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT_S", (1, 0.1))
    monkeypatch.setattr(fetch, "ATTEMPTS", 2)

    def stall(server, handler):
        head(handler, Content_Length=len(BODY))
        handler.wfile.write(BODY[:10])
        server.ended.wait()

    server.answer = stall
    assert "it does not answer in time" in refused(f"{server.url}/disk", tmp_path)


def test_a_server_that_trickles_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "WINDOW_S", 0.2)
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)

    def trickle(server, handler):
        head(handler, Content_Length=len(BODY))
        while not server.ended.is_set():
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.02)

    server.answer = trickle
    assert "it sends less than 64 KiB a second" in refused(f"{server.url}/disk", tmp_path)


def test_what_says_that_it_is_too_large_is_refused_before_it_comes(server, tmp_path, monkeypatch):
    server.answer = lambda _server, handler: head(handler, Content_Length=(1 << 40) + 1)
    assert "at most 1099511627776 (1 TiB)" in refused(f"{server.url}/disk", tmp_path)
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    server.answer = whole
    assert f"{tmp_path} has 1000 free: make room" in refused(f"{server.url}/disk", tmp_path)


def test_what_sends_for_ever_is_cut_off(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "LARGEST", 1 << 20)

    def endless(server, handler):
        head(handler)
        while not server.ended.is_set():
            handler.wfile.write(BODY)

    server.answer = endless
    assert "sends more than 1048576 bytes" in refused(f"{server.url}/disk", tmp_path)


def test_a_disk_that_fills_is_one_sentence(server):
    full = Path("/dev/full")
    with full.open("wb") as file, pytest.raises(CloudError) as error:
        fetch._Transfer(f"{server.url}/disk", file, "test").run()
    assert "cannot be kept in /dev: No space left on device." in str(error.value)


def test_nobody_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    assert "cannot be fetched: Connection refused." in refused("http://127.0.0.1:9/disk", tmp_path)
    assert "Name or service not known" in refused("http://nobody.invalid/disk", tmp_path)


def test_what_a_killed_process_had_fetched_is_removed(server, tmp_path):
    gone, ours = tmp_path / "4194305.a.part", tmp_path / f"{os.getpid()}.b.part"
    gone.touch()
    ours.touch()
    got(f"{server.url}/disk", tmp_path)
    assert list(tmp_path.iterdir()) == [ours]


@pytest.fixture
def s3(server, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.url)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    return server


def test_an_object_in_s3_is_fetched_by_a_signed_address_that_nobody_sees(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    assert got("s3://images/debian/12.qcow2", tmp_path) == DIGEST
    path = s3.requests[0][0]
    assert path.startswith("/images/debian/12.qcow2?X-Amz-Algorithm=AWS4-HMAC-SHA256")
    signature = path.partition("X-Amz-Signature=")[2]
    assert signature
    s3.answer = lambda _server, handler: head(handler, 403, Content_Length=0)
    message = refused("s3://images/debian/12.qcow2", tmp_path)
    assert "source 's3://images/debian/12.qcow2' cannot be fetched: it answers 403" in message
    assert "Signature" not in message
    s3.http.server_close()
    monkeypatch.setattr(fetch, "ATTEMPTS", 1)
    assert "Signature" not in refused("s3://images/debian/12.qcow2", tmp_path)


@pytest.mark.usefixtures("s3")
def test_without_keys_an_object_in_s3_is_one_sentence(tmp_path):
    assert "Set AWS_ACCESS_KEY_ID" in refused("s3://images/x", tmp_path)
