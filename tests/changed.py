"""Which of the lab's test files a change concerns: `make test-changed`, for a pull request.

It goes by folders and groups, so it may miss what depends on a change from afar; the nightly run misses nothing.
"""

import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAB = Path("tests/lab")
_GROUP = re.compile(r'xdist_group\(name="(\w+)"\)')
SERVERS = "qemu"  # where servers really run: they concern whatever a server is made from
PRODUCT = ("clients/", "components/", "config/", "dynamic_providers/", "operations/", "policy/", "program/")
OF_GROUP = {
    "hosts": re.compile(
        r"/(ansible|bootc|containers|host|kickstart|kolla|managed_host|monitoring|ssh|enrolment)"
    ),
    "ceph": re.compile(r"/(ceph|checksums|clone|image|glance|golden_image|publish_image|rbd|storage)"),
}
NO_TEST = (
    ".github/",
    ".pre-commit-config.yaml",
    "LICENSE",
    "bench/",
    "docs/",
    "host_image/",
    "tests/engine/",
    "tests/unit/",
    "tests/mutants/",
)


def group_of(file: Path) -> str:
    """The group that a test file's mark names, or `cloud`."""
    found = _GROUP.search((ROOT / file).read_text(encoding="utf-8"))
    return found[1] if found else "cloud"


def concerned(changed: list[str]) -> list[Path]:
    """The files of tests/lab that a change of these files concerns."""
    every = sorted(path.relative_to(ROOT) for path in (ROOT / LAB).glob("test_*.py"))
    groups, files = set(), set()
    for path in changed:
        if Path(path) in every:
            files.add(Path(path))
        elif path.startswith(PRODUCT):
            groups |= {name for name, words in OF_GROUP.items() if words.search(f"/{path}")} or {"cloud"}
            if not OF_GROUP["hosts"].search(f"/{path}"):
                groups.add(SERVERS)
        elif not path.startswith(NO_TEST) and not path.endswith(".md"):
            return every  # the lab, the toolchain, the program itself, what tests share
    return [file for file in every if file in files or group_of(file) in groups]


def main() -> int:
    """Print them, for a shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commit", help="what the change began from, such as origin/main")
    since = f"{parser.parse_args().commit}..."
    done = subprocess.run(
        ["git", "diff", "--name-only", since], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    sys.stdout.write(" ".join(map(str, concerned(done.stdout.splitlines()))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
