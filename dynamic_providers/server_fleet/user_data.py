"""The user data of one person's machine: its home, its owner's SSH keys, and what the stack file gives to all.

Whatever is more than one part is a MIME archive, which cloud-init takes apart and merges:
https://cloudinit.readthedocs.io/en/latest/explanation/format/mime-archive.html
"""

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from email import message_from_string
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import yaml

_BOUNDARY = "==private-cloud=="
_KEY = re.compile(r"((?:ssh|ecdsa|sk)-[a-z0-9@.-]+) +([A-Za-z0-9+/]+={0,2})")
_MOUNT = Path(__file__).with_name("mount_home.sh").read_text(encoding="utf-8")
_HOME, _KEYS, _GIVEN = "home", "ssh-keys", "user-data"
_MERGED = "list(append)+dict(no_replace,recurse_list)+str()"
_SERIAL = 20  # what virtio keeps of a disk's serial number, which Nova makes the volume's id


def public_key(line: str) -> str:
    """The type and the base64 of a line of authorized_keys, with what stands before them; empty for another line."""
    found = _KEY.search(line)
    if not found or line.lstrip().startswith("#"):
        return ""
    return f"{line[: found.start()].strip()} {found[1]} {found[2]}".strip()


def composed(given: str, keys: Sequence[str], home: str | None) -> str:
    """User data that mount the volume HOME, let KEYS in, and do what GIVEN says."""
    if not keys and not home:
        return given
    archive = MIMEMultipart(boundary=_BOUNDARY)
    if home:
        archive.attach(_part(_HOME, "cloud-boothook", _MOUNT.replace("@SERIAL@", home[:_SERIAL])))
    if keys:
        config = {"merge_how": _MERGED, "ssh_authorized_keys": list(keys)}
        archive.attach(_part(_KEYS, "cloud-config", f"#cloud-config\n{yaml.safe_dump(config)}"))
    if given:
        inner = message_from_string(given)
        archive.attach(inner if inner.is_multipart() else _part(_GIVEN, "plain", given))
    return archive.as_string()


def digest_of(given: str, keys: Sequence[str] = (), *, home: bool = False) -> str:
    """What tells user data from others that make another machine; empty for none."""
    parts = [_meaning(given), *(["keys", *sorted(keys)] if keys else []), *(["home", _MOUNT] if home else [])]
    text = parts[0] if len(parts) == 1 else json.dumps(parts)
    return hashlib.sha256(text.encode()).hexdigest()[:24] if text else ""


def differences(before: str, given: str, keys: Sequence[str]) -> Iterator[str]:
    """What is not in the user data BEFORE as GIVEN and KEYS say, by line and without a word of it."""
    parts = _parts(before)
    had_given = parts.get(_GIVEN, "")
    if _meaning(had_given) != _meaning(given):
        matcher = difflib.SequenceMatcher(None, had_given.splitlines(), given.splitlines(), autojunk=False)
        for what, _, _, first, end in matcher.get_opcodes():
            if what != "equal":
                lines = f"line {first + 1}" if end <= first + 1 else f"lines {first + 1} to {end}"
                yield f"{lines} of user_data {'lack what was there' if what == 'delete' else 'differ'}"
    had = set(keys_in(before))
    yield from (f"SSH key …{key[-12:]} is new" for key in keys if key not in had)
    yield from (f"SSH key …{key[-12:]} is gone" for key in sorted(had - set(keys)))


def keys_in(user_data: str) -> tuple[str, ...]:
    """The SSH keys that composed USER_DATA let in."""
    config = yaml.safe_load(_parts(user_data).get(_KEYS, "")) or {}
    return tuple(config.get("ssh_authorized_keys", ()))


def _part(name: str, kind: str, text: str) -> MIMEText:
    part = MIMEText(text, kind, "utf-8" if not text.isascii() else "us-ascii")
    part.add_header("Content-Disposition", "attachment", filename=name)
    return part


def _parts(text: str) -> dict[str, str]:
    archive = message_from_string(text)
    if archive.get_boundary() != _BOUNDARY:
        return {_GIVEN: text}
    found: dict[str, str] = {}
    for part in archive.get_payload():
        if isinstance(part, Message):
            payload = part.get_payload(decode=True)
            found[part.get_filename() or _GIVEN] = (
                payload.decode(errors="replace") if isinstance(payload, bytes) else part.as_string()
            )
    return found


def _meaning(text: str) -> str:
    """TEXT without what makes no other machine: comments and blanks of cloud-config, blanks at the ends of lines.

    In a script with a document of its own (`<<`) every line may count.
    """
    first, _, rest = text.strip().partition("\n")
    if first.strip() == "#cloud-config":
        try:
            return json.dumps(yaml.safe_load(rest), default=str)
        except yaml.YAMLError:
            return text
    if "<<" in rest or not first.startswith("#!"):
        return text
    lines = (line.rstrip() for line in rest.splitlines())
    return "\n".join(
        [first.rstrip(), *(line for line in lines if line and not line.lstrip().startswith("#"))]
    )
