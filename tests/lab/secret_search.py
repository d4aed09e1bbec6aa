"""Looks for secrets wherever a run may have left them: files, what commands print, arguments of processes.

What is looked for are canaries: secrets made for one run alone, so that whatever is found is this run's.
"""

import base64
import gzip
import json
import os
import shlex
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote, quote_plus

SHORTEST = 12
"""Bytes that a canary has at least: a shorter one may be somewhere by chance."""
_GZIP = b"\x1f\x8b"
_BLANKS = b" \t\r\n"


@dataclass(frozen=True)
class Find:
    """A secret where none may be. What it is stays unsaid: this goes into the tests' output."""

    where: str
    kind: str
    form: str

    def __str__(self) -> str:
        return f"{self.where}: the {self.kind}, {self.form}"


def _base64(secret: bytes) -> Iterator[bytes]:
    """What of its base64 is the same in that of any longer text, at each of the three places where it may begin."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + secret)
        core = coded[-(-8 * before // 6) : 8 * (before + len(secret)) // 6]
        yield from (core, core.translate(bytes.maketrans(b"+/", b"-_")))


def _go_json(text: str) -> str:
    """JSON as Go writes it, and so Pulumi and its plugins: safe inside HTML."""
    escaped = json.dumps(text, ensure_ascii=False)
    for character in "<>&":
        escaped = escaped.replace(character, f"\\u{ord(character):04x}")
    return escaped


@cache
def forms(secret: bytes) -> dict[str, frozenset[bytes]]:
    """Every way in which the secret may be written, by the name of the way; each text under the first it is of."""
    if len(secret) < SHORTEST:
        raise ValueError(f"a canary has {SHORTEST} bytes at least")
    found: dict[str, set[bytes]] = {"in the clear": {secret}, "in base64": set(_base64(secret))}
    found["in hexadecimal digits"] = {secret.hex().encode()}
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        text = ""
    if text:
        quoted = {quote(text, safe=""), quote(text), quote_plus(text)}
        found["URL-quoted"] = {form.encode() for form in quoted}
        found["URL-quoted"] |= {form.lower().encode() for form in quoted if "%" in form}
        once = {json.dumps(text), json.dumps(text, ensure_ascii=False), _go_json(text)}
        once = {form[1:-1] for form in once}
        twice = {json.dumps(form, ensure_ascii=ascii_)[1:-1] for form in once for ascii_ in (True, False)}
        twice |= {_go_json(form)[1:-1] for form in once}
        found["JSON-escaped"] = {form.encode() for form in once | twice}
        found["as Python writes it"] = {repr(text)[1:-1].encode(), repr(secret)[2:-1].encode()}
        found["quoted for a shell"] = {shlex.quote(text).strip("'").encode()}
    seen: set[bytes] = set()
    message = {}
    for way, texts in found.items():
        message[way] = frozenset(texts - seen)
        seen |= texts
    return message


@dataclass(frozen=True)
class Search:
    """A search for canaries: their bytes by their kind, such as 'LDAP bind password'."""

    canaries: Mapping[str, bytes]

    def in_bytes(self, where: str, data: bytes) -> list[Find]:
        """All that is found in DATA, one a kind and form; base64 and keys also where they are broken into lines."""
        if data.startswith(_GZIP):
            data = gzip.decompress(data)
        joined = data.replace(rb"\n", b"").translate(None, _BLANKS)
        return [
            Find(where, kind, way)
            for kind, secret in self.canaries.items()
            for way, texts in forms(secret).items()
            if any(text in data for text in texts)
            or (way == "in base64" and any(text in joined for text in texts))
        ]

    def in_file(self, path: Path) -> list[Find]:
        """All that is found in a file, its name included; nothing where it went away meanwhile."""
        try:
            data = path.read_bytes() if stat.S_ISREG(path.lstat().st_mode) else b""
        except FileNotFoundError:
            return []
        return self.in_bytes(str(path), data) + self.in_bytes(f"name of {path}", str(path).encode())

    def in_files(self, folder: Path, but: Collection[Path] = ()) -> list[Find]:
        """All that is found in the files below FOLDER, but in those named; links are not followed."""
        return [find for path in files(folder) if path not in but for find in self.in_file(path)]


def files(folder: Path) -> list[Path]:
    """All files and links below a folder; what goes away meanwhile is left out."""
    return [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]
