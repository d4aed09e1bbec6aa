"""What a kill tears where states are kept in files: the notes beside a file, which are not put in place by a rename.

Pulumi's file backend (gocloud.dev's fileblob) renames a whole new state into place, but empties the notes beside it,
`NAME.json.attrs`, before it fills them. Empty ones make the state unreadable ("EOF"); missing ones do not.
"""

import json
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

WRITTEN_WITHIN_S = 2  # a Pulumi that lives fills them within milliseconds


def remove_torn_notes() -> list[Path]:
    """Remove the notes that a killed Pulumi left empty in the backend in use; nothing of a backend without files."""
    torn = [
        file
        for file in _notes(_backend())
        if file.stat().st_size == 0 and time.time() - file.stat().st_mtime > WRITTEN_WITHIN_S
    ]
    for file in torn:
        file.unlink()
    return torn


def _backend() -> str:
    done = subprocess.run(["pulumi", "whoami", "--json"], capture_output=True, text=True, check=False)
    return str(json.loads(done.stdout)["url"]) if done.returncode == 0 else ""


def _notes(backend: str) -> list[Path]:
    parts = urlsplit(backend)
    if parts.scheme != "file":
        return []
    return sorted((Path(url2pathname(parts.path)).expanduser() / ".pulumi").rglob("*.attrs"))
