"""supervisord: starts, watches and restarts the lab's daemons; its API is on a Unix socket.

See http://supervisord.org/configuration.html and http://supervisord.org/api.html.
"""

from __future__ import annotations

import contextlib
import http.client
import shlex
import socket
import time
import xmlrpc.client
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lab import commands, processes
from lab.configuration import File, ini
from lab.daemon import Daemon, UnhealthyError
from lab.settings import Lab, LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

STARTED = ("STARTING", "RUNNING")
STOP_SECONDS = 10
KILLED_SECONDS = 5  # until what supervisord has killed then is gone
LAST = "ceph-mon"  # OSDs and the manager tell it that they go
HEALTHY_SECONDS = 120.0
STUCK_SECONDS = 10.0
MOST_LIVES = 4  # process ids (0 between two) of a daemon that ends again and again


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        made = _UnixConnection(self._path)
        self._connection = host, made  # what its base closes
        return made


def rendered(lab: Lab, daemons: Sequence[Daemon]) -> str:
    """Render supervisord's configuration: nothing starts by itself, everything restarts by itself."""
    socket_path = str(lab.run / "supervisor.sock")
    sections: dict[str, dict[str, object]] = {
        "unix_http_server": {"file": socket_path, "chmod": "0700"},
        "supervisord": {
            "logfile": lab.log / "supervisord.log",
            "logfile_maxbytes": "10MB",
            "pidfile": lab.run / "supervisord.pid",
            "childlogdir": lab.log,
            "directory": lab.run,
            "umask": "022",
            "minfds": 4096,
            "silent": True,
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface",
        },
        "supervisorctl": {"serverurl": f"unix://{socket_path}"},
    }
    for daemon in daemons:
        environment = ",".join(f'{key}="{value}"' for key, value in sorted(daemon.environment.items()))
        # Should supervisord itself be killed, the kernel asks its children to stop.
        command = ("/usr/bin/setpriv", "--pdeathsig", "TERM", "--", *daemon.command)
        sections[f"program:{daemon.name}"] = {
            "command": shlex.join(command).replace("%", "%%"),
            "environment": environment.replace("%", "%%"),
            "autostart": False,
            "autorestart": True,
            "startsecs": 2,
            "startretries": 5,
            "stopwaitsecs": STOP_SECONDS,
            "stopasgroup": False,
            "killasgroup": True,
            "redirect_stderr": True,
            "stdout_logfile": daemon.log(lab.log),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": 1,
        }
    return ini(sections)


class Supervisor:
    """The lab's supervisord, running or not."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._leader_record = lab.run / "supervisord.json"

    def _ask(self, method: str, *arguments: object) -> Any:
        with xmlrpc.client.ServerProxy(
            "http://localhost",
            transport=_UnixTransport(str(self._lab.run / "supervisor.sock")),
        ) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def answers(self) -> bool:
        """Whether this lab's supervisord runs and answers."""
        leader = processes.recorded(self._leader_record)
        now = processes.identify(leader.pid) if leader else None
        if leader is None or now is None or not now.is_same(leader):
            return False
        try:
            return bool(self._ask("getPID") == leader.pid)
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False

    def start(self, daemons: Sequence[Daemon]) -> None:
        """Start supervisord with this configuration, after stopping what a killed one left behind."""
        file = File(self._lab.etc / "supervisord.conf", rendered(self._lab, daemons))
        changed = file.write()
        if self.answers():
            # The names differ where an earlier change was cut off.
            if changed or set(self.states()) != {daemon.name for daemon in daemons}:
                self._reload()
            return
        self.end_leftovers()
        (self._lab.run / "supervisor.sock").unlink(missing_ok=True)
        log = self._lab.log / "supervisord.start.log"
        python = self._lab.programs / "bin" / "python"
        script = Path(__file__).with_name("supervisord_patched.py")
        # -P: this folder's own supervisor.py must not stand in for the library.
        commands.logged([str(python), "-P", str(script), "-c", str(file.path)], log, timeout=30)
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
                leader = processes.identify(int(self._ask("getPID")))
                if leader is not None:
                    processes.record(self._leader_record, leader)
                    return
            time.sleep(0.05)
        raise LabError(commands.failure("supervisord", "did not answer", self._lab.log / "supervisord.log"))

    def _reload(self) -> None:
        added, changed, removed = self._ask("reloadConfig")[0]
        self._stop_side_by_side((*changed, *removed))
        for name in (*changed, *removed):
            self._ask("stopProcessGroup", name)
            self._ask("removeProcessGroup", name)
        for name in (*changed, *added):
            self._ask("addProcessGroup", name)

    def end_leftovers(self) -> None:
        """End what an earlier supervisord, killed since, has left running."""
        if not self.answers():
            self._end()

    def _end(self) -> None:
        leader = processes.recorded(self._leader_record)
        if leader is not None:
            processes.end(leader, STOP_SECONDS)
        self._leader_record.unlink(missing_ok=True)

    def states(self) -> dict[str, dict[str, Any]]:
        """Return what supervisord knows of each daemon by name: `statename`, `pid`, `start`, …; {} if not up."""
        if not self.answers():
            return {}
        infos = cast("list[dict[str, Any]]", self._ask("getAllProcessInfo"))
        return {info["name"]: info for info in infos}

    def ensure(self, daemon: Daemon) -> None:
        """Start a daemon with its current configuration and wait until it is healthy; restart it if it is stuck.

        Raises:
            LabError: It does not become healthy; the text ends with its log's last lines.
        """
        marker = self._lab.run / f"{daemon.name}.started-with"
        for file in daemon.files:
            file.write()
        current = marker.read_text() if marker.exists() else ""
        state = self._ask("getProcessInfo", daemon.name)["statename"]
        if state in STARTED and current == daemon.digest():
            with contextlib.suppress(UnhealthyError):
                self._wait(daemon, STUCK_SECONDS)
                return
        self.stop(daemon.name)
        marker.write_text(daemon.digest())
        self._ask("startProcess", daemon.name, False)
        self._wait(daemon, HEALTHY_SECONDS)

    def stop(self, name: str) -> None:
        """Stop one daemon, if it runs."""
        if self._ask("getProcessInfo", name)["statename"] not in ("STOPPED", "EXITED", "FATAL"):
            self._ask("stopProcess", name)

    def _wait(self, daemon: Daemon, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        log = daemon.log(self._lab.log)
        lives: set[int] = set()
        pause = 0.2
        while True:
            info = self._ask("getProcessInfo", daemon.name)
            lives.add(info["pid"])
            if info["statename"] == "FATAL" or len(lives) > MOST_LIVES:
                raise UnhealthyError(commands.failure(daemon.name, "does not start", log))
            try:
                daemon.check()
            except UnhealthyError as problem:
                if time.monotonic() > deadline:
                    how = f"is not healthy after {seconds:.0f} s ({problem})"
                    raise UnhealthyError(commands.failure(daemon.name, how, log)) from None
            else:
                if info["statename"] in STARTED:
                    return
            time.sleep(pause)
            pause = min(1.2 * pause, 1.0)  # what starts slowly shall not be slowed by being asked

    def _stop_side_by_side(self, names: Sequence[str]) -> None:
        """Stop these; supervisord's own ways wait for one before they ask the next."""
        states = self.states()
        for name in names:
            if states[name]["statename"] in STARTED:
                self._ask("stopProcess", name, False)
        deadline = time.monotonic() + STOP_SECONDS + KILLED_SECONDS
        while time.monotonic() < deadline:
            states = self.states()
            if not any(
                states[name]["statename"] in (*STARTED, "STOPPING") for name in names if name in states
            ):
                return
            time.sleep(0.1)

    def shut_down(self) -> bool:
        """Stop every daemon and supervisord itself, and nothing else; say whether anything ran."""
        leader = processes.recorded(self._leader_record)
        if leader is None or not processes.members(leader):
            self._leader_record.unlink(missing_ok=True)
            return False
        if self.answers():
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
                self._stop_side_by_side(tuple(name for name in self.states() if name != LAST))
                self._ask("shutdown")
            deadline = time.monotonic() + 60
            while processes.members(leader) and time.monotonic() < deadline:
                time.sleep(0.1)
        self._end()
        return True
