"""A folder of programs for PATH: Pulumi's engine, and what it starts in Python, forked instead of started anew.

A command of `pulumi` starts Python five times: twice the language host, then the program, the host of dynamic providers
and what becomes OpenStack's plugin; one of operations/ once more. Each imports the same modules. Here one process of this test run has imported
them, and each of the others is a fork of it with the arguments, environment, folder and streams that it was given.

What it does not prove: that the program starts by itself. Tests that look at processes, and one of each kind that runs
the whole program, use `ProgramCopy.make(…, cold=True)`.
"""

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / ".cloud" / "engine"
OPERATION = "python-of-operations"
STEPS = {
    "pulumi-language-python": "host",
    "pulumi-language-python-exec": "program",
    "pulumi-resource-pulumi-python": "providers",
    OPERATION: "operation",
}
PLUGIN = "pulumi-resource-openstack"
"""What the engine, the language host and the tests start, and what is forked for it."""
_SERVERS: list[subprocess.Popen[bytes]] = []


def used() -> float:
    """The processor seconds of all forks that have ended, and of the process that forks."""
    ticks = 0
    for server in _SERVERS:
        fields = Path(f"/proc/{server.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += sum(int(field) for field in fields[11:15])  # its own and its children's, user and system
    return ticks / os.sysconf("SC_CLK_TCK")


@cache
def folder() -> Path:
    """The folder; the process that forks is started with it, and ends with this one."""
    made = Path(tempfile.mkdtemp(prefix="warm-", dir=ENGINE.parent))
    engine = (ENGINE / "bin" / "pulumi").resolve()
    try:
        os.link(engine, made / "pulumi")  # it prefers what lies beside it, without a warning
    except OSError:  # it is on another file system
        shutil.copy2(engine, made / "pulumi")
    for name, step in STEPS.items():
        _write_client(made / name, made / "socket", step)
    for plugin in (ENGINE / "home" / "plugins").glob(
        f"*/{PLUGIN}"
    ):  # a script in Python that becomes the plugin
        (home(made) / "plugins" / plugin.parent.name).mkdir(parents=True)
        _write_client(home(made) / "plugins" / plugin.parent.name / PLUGIN, made / "socket", "plugin")
    (home(made) / "logs").symlink_to(ENGINE / "home" / "logs")
    # It ends when its standard input does, so with this process, however that ends.
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm.server", str(made)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PULUMI_"))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n", "the Python that forks did not start"
    _SERVERS.append(server)
    atexit.register(_stop, server, made)
    return made


def home(made: Path) -> Path:
    """What is PULUMI_HOME for the programs in the folder MADE."""
    return made / "home"


def _write_client(file: Path, socket: Path, step: str) -> None:
    client = Path(__file__).with_name("client.py").read_text(encoding="utf-8")
    text = client.replace('"SOCKET"', repr(str(socket))).replace('"STEP"', repr(step))
    file.write_text(f"#!{sys.executable} -IS\n{text}", encoding="utf-8")
    file.chmod(0o755)


def _stop(server: subprocess.Popen[bytes], made: Path) -> None:
    server.communicate()  # closes its standard input
    shutil.rmtree(made)
