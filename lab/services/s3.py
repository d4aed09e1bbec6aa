"""S3 requests to an object store, signed by curl."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, field

TIMEOUT = 30


class S3Error(Exception):
    """The store refused, or does not answer; with what it said."""


@dataclass(frozen=True)
class Account:
    """Where a store answers, and the keys of an account there."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def request(
    account: Account, method: str, path: str, *, body: str = "", headers: tuple[str, ...] = ()
) -> str:
    """Make one request; return the answer's body.

    Args:
        account: Whose keys sign it.
        method: GET, PUT, …
        path: Bucket, key and query. In a query each name has its `=`, and names are in the alphabet's order:
            so they are signed.
        body: What is sent.
        headers: Further ones, as `name: value`.

    Raises:
        S3Error: It failed.
    """
    options = {
        "url": f"{account.endpoint}{path}",
        "request": method,
        "user": f"{account.access_key}:{account.secret_key}",
        "aws-sigv4": f"aws:amz:{account.region}:s3",
        "max-time": str(TIMEOUT),
        "noproxy": "*",
    }
    lines = [f"{name} = {_quoted(value)}" for name, value in options.items()]
    digest = hashlib.sha256(body.encode()).hexdigest()  # which S3 wants, and this curl does not add by itself
    lines += [f"header = {_quoted(header)}" for header in (*headers, f"x-amz-content-sha256: {digest}")]
    lines += [f"data-binary = {_quoted(body)}"] if body else []
    # On standard input: arguments are for everybody to read.
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail-with-body", "--config", "-"],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise S3Error(f"{method} {path}: {done.stderr.strip()} {done.stdout.strip()}".strip())
    return done.stdout


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
