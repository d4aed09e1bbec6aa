"""Images into a registry, over its HTTP API (https://distribution.github.io/distribution/spec/api/)."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from lab.registry import fake_images
from lab.settings import LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.registry.fake_images import Image

MISSING = 404
TIMEOUT = 60.0  # seconds


class RegistryError(LabError):
    """The registry refused something, or did not answer."""


def _ask(
    method: str, url: str, *, content: bytes | None = None, kind: str = ""
) -> http.client.HTTPResponse | None:
    """Ask; None where what is asked for is not there."""
    headers = {"Content-Type": kind} if kind else {}
    headers["Accept"] = fake_images.MANIFEST_TYPE
    request = urllib.request.Request(url, data=content, headers=headers, method=method)  # noqa: S310 - always HTTP
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            answer.read()
            found: http.client.HTTPResponse = answer
            return found
    except urllib.error.HTTPError as problem:
        if problem.code == MISSING and method == "HEAD":
            return None
        raise RegistryError(f"the registry refused {method} {url}: HTTP {problem.code}") from None
    except (OSError, http.client.HTTPException) as problem:
        raise RegistryError(f"the registry did not answer {method} {url}: {problem}") from None


def push_blob(registry: str, repository: str, content: bytes) -> None:
    """Upload a blob in one piece, unless it is there."""
    name = fake_images.digest(content)
    base = f"{registry}/v2/{repository}/blobs"
    if _ask("HEAD", f"{base}/{name}") is not None:
        return
    started = _ask("POST", f"{base}/uploads/", content=b"")
    place = started.headers["Location"] if started else ""
    place = urllib.parse.urljoin(f"{registry}/", place)
    place += ("&" if "?" in place else "?") + urllib.parse.urlencode({"digest": name})
    _ask("PUT", place, content=content, kind="application/octet-stream")


def push(registry: str, image: Image, tag: str = fake_images.TAG) -> bool:
    """Have the registry hold an image under a tag; say whether anything was done.

    Args:
        registry: such as `http://198.18.0.1:5005`.
        image: what to push.
        tag: the tag that shall name it.

    Raises:
        RegistryError: the registry refused, or did not answer.
    """
    url = f"{registry}/v2/{image.repository}/manifests/{tag}"
    known = _ask("HEAD", url)
    if known is not None and known.headers.get("Docker-Content-Digest") == fake_images.digest(image.manifest):
        return False
    for blob in (image.layer, image.config):
        push_blob(registry, image.repository, blob)
    _ask("PUT", url, content=image.manifest, kind=fake_images.MANIFEST_TYPE)
    return True


def push_fake_images(registry: str, names: Sequence[str] = fake_images.NAMES) -> None:
    """Have the registry hold every fake image."""
    for name in names:
        push(registry, fake_images.image(name))
