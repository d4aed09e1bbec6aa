"""Checksum files as image builders publish them: coreutils' two styles, also in a clear-signed text."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from clients import regular_file
from config.errors.issues import invalid, nearest

# `sha256sum`: digest, blank, blank or asterisk, name; a backslash before it says that the name is escaped.
_GNU = re.compile(r"(?P<escaped>\\?)(?P<digest>[0-9a-fA-F]{64}) [ *]?(?P<name>.+)")
# `sha256sum --tag`, BSD's sha256, and the CHECKSUM files of Fedora and Rocky.
_BSD = re.compile(r"(?P<escaped>\\?)SHA256 ?\((?P<name>.+)\) ?= ?(?P<digest>[0-9a-fA-F]{64})")
_ESCAPES = {r"\n": "\n", r"\r": "\r", r"\\": "\\"}
_COMPRESSED = frozenset({".gz", ".xz", ".bz2", ".zst"})
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True)
class _Line:
    number: int
    name: PurePosixPath
    digest: str


def digest_in(sums: Path, source: str) -> str:
    """The SHA-256 that SUMS has for SOURCE, a path or URL.

    Of several lines the one counts whose name is the longest end of the source's path; without such a one, those of
    the same file name elsewhere.

    Raises:
        PydanticCustomError: the file cannot be read, has no line for it, or two lines with different digests.
    """
    try:
        text = regular_file.text(sums)
    except OSError as error:
        raise invalid(
            f"{str(sums)!r} cannot be read ({error.strerror}); give a file that sha256sum wrote, or sha256 instead"
        ) from None
    lines = _lines(text)
    path = PurePosixPath(unquote(urlsplit(source).path) if "://" in source else source)
    same_name = [line for line in lines if line.name.name == path.name]
    ends = [line for line in same_name if path.parts[-len(line.name.parts) :] == line.name.parts]
    longest = max((len(line.name.parts) for line in ends), default=0)
    found = [line for line in ends if len(line.name.parts) == longest] or same_name
    if not found:
        if path.suffix in _COMPRESSED and any(line.name.name == path.stem for line in lines):
            raise invalid(
                f"{str(sums)!r} has a line for {path.stem!r}, and none for {path.name!r}: the digest of the compressed file "
                "itself is needed; add it, or give it as sha256 instead"
            )
        raise invalid(
            f"{str(sums)!r} has no line with a SHA-256 for {path.name!r}"
            f"{nearest(path.name, (line.name.name for line in lines))}; add it, or give sha256 instead"
        )
    for line in found[1:]:
        if line.digest != found[0].digest:
            raise invalid(
                f"{str(sums)!r} has two digests for {path.name!r}: {str(found[0].name)!r} in line {found[0].number} and "
                f"{str(line.name)!r} in line {line.number}; give the right one as sha256 instead"
            )
    return found[0].digest


def _lines(text: str) -> list[_Line]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line == _SIGNATURE:
            break
        match = _BSD.fullmatch(line) or _GNU.fullmatch(line)
        if match:
            name = match["name"]
            if match["escaped"]:
                name = re.sub(r"\\[nr\\]", lambda escape: _ESCAPES[escape[0]], name)
            found.append(_Line(number, PurePosixPath(name), match["digest"].lower()))
    return found
