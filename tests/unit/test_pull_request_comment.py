"""The comment, against a FAKE of GitHub's API on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from clients.errors import CloudError
from operations.pull_request_comment import LONGEST, PullRequest, fitted

MARK = "<!-- private-cloud review: prod -->"


class FakeGitHub(ThreadingHTTPServer):
    """Comments of one pull request, in pages of a hundred."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[dict[str, Any]] = []
        self.refusal = 0
        self.tokens: set[str | None] = set()

    def add(self, body: str, kind: str = "User") -> None:
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": {"type": kind}})


class Handler(BaseHTTPRequestHandler):
    server: FakeGitHub

    def answer(self, code: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self) -> None:
        self.server.tokens.add(self.headers["Authorization"])
        assert self.path.startswith("/repos/corp/cloud/issues/7/comments?per_page=100&page=")
        page = int(self.path.rpartition("=")[2])
        self.answer(200, self.server.comments[(page - 1) * 100 : page * 100])

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        if self.server.refusal:
            self.answer(self.server.refusal, {})
            return
        self.server.add(text, "Bot")
        self.answer(201, self.server.comments[-1])

    def do_PATCH(self) -> None:
        number = int(self.path.rpartition("/")[2])
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        self.server.comments[number - 1]["body"] = text
        self.answer(200, {})

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing."""


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    server = FakeGitHub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pull_request(github: FakeGitHub) -> PullRequest:
    return PullRequest(f"http://127.0.0.1:{github.server_port}", "corp/cloud", 7, "token-of-the-job")


def test_the_second_review_takes_the_place_of_the_first_and_of_no_other(
    github: FakeGitHub, pull_request: PullRequest
) -> None:
    for number in range(120):
        github.add(f"talk {number}")
    github.add(f"{MARK}\nby somebody who knows the mark")
    pull_request.comment("harmless", MARK)
    pull_request.comment("loses data", MARK)
    pull_request.comment("another stack", MARK.replace("prod", "staging"))
    assert [comment["body"] for comment in github.comments[120:]] == [
        f"{MARK}\nby somebody who knows the mark",
        f"{MARK}\nloses data",
        f"{MARK.replace('prod', 'staging')}\nanother stack",
    ]
    assert github.tokens == {"Bearer token-of-the-job"}


def test_a_report_too_long_for_a_comment_is_cut_at_a_line_and_says_where_the_rest_is() -> None:
    text = "\n".join(f"é line {number}" for number in range(10_000))
    cut = fitted(text)
    assert len(cut) <= LONGEST
    assert cut.endswith("the whole report is in this run's artifacts.\n")
    kept = cut.splitlines()[-3]
    assert kept in text.splitlines()
    assert fitted("short") == "short"


def test_a_refusal_says_which_right_the_job_needs_and_shows_no_token(
    github: FakeGitHub, pull_request: PullRequest
) -> None:
    github.refusal = 403
    with pytest.raises(
        CloudError, match="403 Forbidden; the job needs `permissions: pull-requests: write`"
    ) as found:
        pull_request.comment("text", MARK)
    assert "token-of-the-job" not in str(found.value)
    assert "token-of-the-job" not in repr(pull_request)


def test_a_github_that_does_not_answer_is_said() -> None:
    with pytest.raises(CloudError, match="does not answer"):
        PullRequest("http://127.0.0.1:1", "corp/cloud", 7, "token").comment("text", MARK)
