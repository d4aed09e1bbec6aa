"""A FAKE ssh to hosts that are folders: it tells of the monitoring agent there, and of a bootc that boots at once."""

import hashlib
import json
import os
import sys
from pathlib import Path

host, command = sys.argv[-2:]
folder = Path(os.environ["FAKE_HOSTS"]) / host
folder.mkdir(parents=True, exist_ok=True)
if (folder / "no-bootc").exists() and command.startswith("bootc"):
    print("bootc: command not found", file=sys.stderr)  # noqa: T201
    sys.exit(127)
if command.startswith("bootc status"):
    image = {
        "image": {"image": "registry.corp.example/host:1", "transport": "registry"},
        "imageDigest": "sha256:0",
    }
    status = {"booted": {"image": image}, "staged": None, "rollback": None, "rollbackQueued": False}
    print(json.dumps({"apiVersion": "org.containers.bootc/v1", "kind": "BootcHost", "status": status}))  # noqa: T201
elif "sha256sum" in command:
    file = folder / "newrelic-infra.yml"
    there = file.exists()
    print(hashlib.sha256(file.read_bytes()).hexdigest() + "  -" if there else "none")  # noqa: T201
    print("active\nenabled" if there else "inactive\ndisabled")  # noqa: T201
elif "boot_id" in command:
    print("boot-1")  # noqa: T201
