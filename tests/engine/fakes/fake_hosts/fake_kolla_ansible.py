"""A FAKE kolla-ansible: writes down how it was called, and tells of its hosts as the callback plugin would.

A file HOST in $FAKE_HOSTS/failing makes deploy fail there; `destroy` leaves the hosts as they are.
"""

import json
import os
import sys
from pathlib import Path

TASK = "nova-cell : Running Nova cell bootstrap container"


def main() -> int:
    """Stand in for kolla-ansible."""
    folder = Path(os.environ["FAKE_HOSTS"])
    step = next(word for word in sys.argv[1:] if not word.startswith("-"))
    hosts = sorted(sys.argv[sys.argv.index("--limit") + 1].split(","))
    with (folder / "runs").open("a", encoding="utf-8") as runs:
        runs.write(json.dumps([step, *hosts]) + "\n")
    failing = sorted(host for host in hosts if step == "deploy" and (folder / "failing" / host).exists())
    failures = [
        {"event": "failed", "host": host, "task": TASK, "message": "no space left"} for host in failing
    ]
    events = [
        {"event": "start", "plays": 1},
        {"event": "play", "play": "all"},
        {"event": "task", "task": TASK},
        *failures,
        {"event": "end", "whole": True, "failed": failing, "unreachable": [], "seen": hosts},
    ]
    with Path(os.environ["PRIVATE_CLOUD_EVENTS"]).open("a", encoding="utf-8") as text:
        text.writelines(json.dumps(event) + "\n" for event in events)
    return 2 if failing else 0


sys.exit(main())
