"""A FAKE ansible-playbook: it gives hosts that are folders the monitoring agent's file, or takes it away."""

import json
import os
import shutil
import sys
from pathlib import Path

words = sys.argv[1:]
hosts = words[words.index("--limit") + 1].split(",")
configurations = Path(json.loads(words[words.index("--extra-vars") + 1])["configurations"])
folder = Path(os.environ["FAKE_HOSTS"])
events: list[dict[str, object]] = [
    {"event": "start", "plays": 1},
    {"event": "task", "task": "Restart the agent"},
]
failed = []
for host in hosts:
    file = folder / host / "newrelic-infra.yml"
    if (folder / host / "fails").exists():
        failed.append(host)
        events.append(
            {"event": "failed", "host": host, "task": "Restart the agent", "message": "no such service"}
        )
    elif words[-1].endswith("configure.yml"):
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(configurations / host, file)
    else:
        file.unlink(missing_ok=True)
events.append({"event": "end", "whole": True, "failed": failed, "unreachable": [], "seen": hosts})
with Path(os.environ["PRIVATE_CLOUD_EVENTS"]).open("a", encoding="utf-8") as messages:
    messages.writelines(json.dumps(event) + "\n" for event in events)
with (folder / "runs").open("a", encoding="utf-8") as runs:
    runs.write(f"{Path(words[-1]).stem} {','.join(hosts)}\n")
sys.exit(2 if failed else 0)
