"""A review as the comment of a pull request on GitHub, one a stack, written anew each time: `make comment`.

Source of the API: https://docs.github.com/en/rest/issues/comments
"""

import json
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from clients.errors import CloudError
from operations.command import command, parser_of

LONGEST = 65_000
"""Characters of a comment; GitHub takes 65,536."""
PAGE = 100
TIMEOUT_S = 30
CUT = "\n\n… cut here: the whole report is in this run's artifacts.\n"


@dataclass(frozen=True)
class PullRequest:
    """Where the comment belongs.

    Attributes:
        api: the address of GitHub's API.
        repository: OWNER/NAME.
        token: which may write comments.
    """

    api: str
    repository: str
    number: int
    token: str = field(repr=False)

    def comment(self, text: str, mark: str) -> None:
        """Write TEXT, in place of what is there under the same MARK.

        Raises:
            CloudError: GitHub refuses, or does not answer.
        """
        body = {"body": fitted(f"{mark}\n{text}")}
        number = self._former(mark)
        if number is None:
            self._ask("POST", f"issues/{self.number}/comments", body)
        else:
            self._ask("PATCH", f"issues/comments/{number}", body)

    def _former(self, mark: str) -> int | None:
        page = 1
        while True:
            found = self._ask("GET", f"issues/{self.number}/comments?per_page={PAGE}&page={page}")
            for comment in found:
                # Anybody may write the mark; only what a bot wrote is this program's to change.
                if comment["body"].startswith(mark) and comment["user"]["type"] == "Bot":
                    return int(comment["id"])
            if len(found) < PAGE:
                return None
            page += 1

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - GitHub's own address, which the runner gives
            f"{self.api}/repos/{self.repository}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()  # it is the answer too
            more = (
                "; the job needs `permissions: pull-requests: write`"
                if error.code == HTTPStatus.FORBIDDEN
                else ""
            )
            raise CloudError(f"GitHub refuses the comment with {error.code} {error.reason}{more}") from None
        except (urllib.error.URLError, TimeoutError) as error:
            raise CloudError(f"GitHub's API at {self.api} does not answer: {error}") from None


def fitted(text: str) -> str:
    """TEXT, cut at the end of a line where GitHub would refuse it for its length."""
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - len(CUT)].rpartition("\n")[0] + CUT


@command("comment")
def main() -> int:
    """Read the report, and write the comment."""
    parser = parser_of("comment", __doc__)
    parser.add_argument("--file", type=Path, required=True, help="the report, in Markdown")
    given = parser.parse_args()
    for variable in ("GITHUB_REPOSITORY", "PULL_REQUEST", "GITHUB_TOKEN"):
        if variable not in os.environ:
            raise CloudError(f"{variable} is not set; this is for a job of GitHub's Actions")
    if not given.file.is_file():
        raise CloudError(f"there is no {given.file}; `make review STACK={given.stack}` writes it")
    pull_request = PullRequest(
        os.environ.get("GITHUB_API_URL", "https://api.github.com"),
        os.environ["GITHUB_REPOSITORY"],
        int(os.environ["PULL_REQUEST"]),
        os.environ["GITHUB_TOKEN"],
    )
    mark = f"<!-- private-cloud review: {given.stack} -->"
    pull_request.comment(given.file.read_text(encoding="utf-8"), mark)
    return 0


if __name__ == "__main__":
    sys.exit(main())
