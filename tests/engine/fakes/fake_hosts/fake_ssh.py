"""A FAKE ssh: the hosts are folders of $FAKE_HOSTS, by their addresses, and nothing is sent anywhere.

A look at the host is answered with what a fit host says, in the words of the real script, and `bootc status` with
the image that the test's hosts declare; any other command runs here, with the host's folder in place of its /etc/kolla. A host with a file `down` does not answer.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

SSH_FAILED = 255


def answer(name: str, disks: list[str]) -> dict[str, object]:
    """What dynamic_providers/kolla_host/probe_script.py prints on a fit host."""
    links = ["eno1", "eno2"]
    ports = [["uuid", "port-bond"], ["uuid", "port-trunk"]]
    interfaces = [["uuid", f"interface-{link}"] for link in links]
    return {
        "nodename": name,
        "engine": {"out": "26.1.0\n"},
        "switch": {
            "out": {
                "bridge": {"headings": ["name", "ports"], "data": [["br-link", ["set", ports]]]},
                "port": {
                    "headings": ["_uuid", "name", "interfaces", "tag", "trunks"],
                    "data": [
                        [ports[0], "bond0", ["set", interfaces], ["set", []], ["set", []]],
                        [ports[1], "link-to-ex", ["uuid", "interface-patch"], ["set", []], ["set", []]],
                    ],
                },
                "interface": {
                    "headings": ["_uuid", "name", "link_state"],
                    "data": [
                        [interface, link, "up"] for interface, link in zip(interfaces, links, strict=True)
                    ]
                    + [[["uuid", "interface-patch"], "link-to-ex", "up"]],
                },
            }
        },
        "network": {"out": None},
        "interfaces": links,
        "bootc": None,
        "disks": {
            disk: {"device": disk, "size": 1 << 30, "in_use": False, "osd": None, "signatures": []}
            for disk in disks
        },
    }


def main() -> int:
    """Stand in for ssh."""
    arguments = sys.argv[1:]
    address, command = arguments[arguments.index("--") + 1 :]
    host = Path(os.environ["FAKE_HOSTS"]) / address
    if not host.is_dir() or (host / "down").exists():
        log = Path(arguments[arguments.index("-E") + 1])
        log.write_text(f"ssh: connect to host {address} port 22: Connection timed out\n", encoding="utf-8")
        return SSH_FAILED
    if "exec python3 -" in command:
        sys.stdin.read()
        found = json.loads(command[command.index("{") : command.rindex("}") + 1])
        print(json.dumps(answer((host / "name").read_text(), found["disks"])))  # noqa: T201 - as ssh does
        return 0
    if command.startswith("bootc status"):
        image = {
            "image": {"image": "registry.corp.example/host:1", "transport": "registry"},
            "imageDigest": "sha256:1",
        }
        status = {"booted": {"image": image}, "staged": None, "rollback": None, "rollbackQueued": False}
        print(  # noqa: T201 - as ssh does
            json.dumps({"apiVersion": "org.containers.bootc/v1", "kind": "BootcHost", "status": status})
        )
        return 0
    if command == "systemctl daemon-reload":
        return 0
    here = command.replace("/etc/kolla", str(host / "kolla"))
    return subprocess.run(["sh", "-c", here], check=False).returncode


sys.exit(main())
