"""The login files of a CI job, in its temporary folder, from texts in its environment: `make login-files`.

For CI systems that keep secrets as texts, as GitHub does; where they can be files (GitLab), nothing of this is needed.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from clients import files
from clients.errors import CloudError
from operations.command import command

CLOUDS, CEPH_CONF, KEYRING = "CLOUDS_YAML", "CEPH_CONF_TEXT", "CEPH_KEYRING"


def write(texts: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Write the files that TEXTS has into FOLDER, for their owner alone; the variables that name them.

    Raises:
        CloudError: a text is missing.
    """
    if not texts.get(CLOUDS):
        raise CloudError(
            f"{CLOUDS} is empty: give this job's environment a secret of that name, the text of a clouds.yaml "
            "(docs/ci.md); a fork's pull request gets none"
        )
    if bool(texts.get(CEPH_CONF)) != bool(texts.get(KEYRING)):
        raise CloudError(
            f"only one of {CEPH_CONF} and {KEYRING} is given; give both, or neither where no image is imported"
        )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    named = {"OS_CLIENT_CONFIG_FILE": _private(folder / "clouds.yaml", texts[CLOUDS])}
    if texts.get(KEYRING):
        keyring = _private(folder / "keyring", texts[KEYRING])
        conf = f"{texts[CEPH_CONF].rstrip()}\n\n[client]\nkeyring = {keyring}\n"
        named["CEPH_CONF"] = _private(folder / "ceph.conf", conf)
    return named


def _private(path: Path, text: str) -> str:
    files.replace(path, f"{text.rstrip()}\n", 0o600)
    return str(path)


@command("login-files")
def main() -> int:
    """Write them, and tell the steps that follow where they are."""
    temporary = os.environ.get("RUNNER_TEMP")
    if not temporary:
        raise CloudError("RUNNER_TEMP names no folder; this is for a job of GitHub's Actions")
    named = write(os.environ, Path(temporary) / "logins")
    lines = "".join(f"{name}={path}\n" for name, path in named.items())
    with Path(os.environ.get("GITHUB_ENV", os.devnull)).open("a", encoding="utf-8") as file:
        file.write(lines)
    sys.stdout.write(lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
