"""Imports what the program imports, then forks for every client."""

import ast
import gc
import importlib
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GRACE_S = 5
REAP_S = 0.2


@dataclass(frozen=True)
class Job:
    """What a client wants to be run.

    Attributes:
        step: the language host, the program, the dynamic providers, OpenStack's plugin, or one of operations/.
        words: its arguments, its own name first.
        cwd: its working folder.
        environment: all of it.
        streams: standard input, output and errors.
    """

    step: str
    words: list[str]
    cwd: str
    environment: dict[str, str]
    streams: list[int]

    @classmethod
    def read(cls, connection: socket.socket) -> "Job":
        """What the client of CONNECTION sends; a client that is killed while it sends ends this process."""
        header, streams, _, _ = socket.recv_fds(connection, 4, 3)
        size = int.from_bytes(header, "big")
        text = connection.recv(size, socket.MSG_WAITALL)
        if not text or len(text) < size:
            os._exit(0)
        given: dict[str, Any] = json.loads(text)
        return cls(**given, streams=streams)


def serve(folder: Path) -> Job | None:
    """Answers clients until standard input ends; returns in each fork with what it is to run."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "socket"))
    listener.listen(64)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    running: set[int] = set()
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [], REAP_S)
        running -= {pid for pid in running if os.waitpid(pid, os.WNOHANG)[0]}
        if sys.stdin in ready:
            return None
        if listener not in ready:
            continue
        connection, _ = listener.accept()
        if (supervisor := os.fork()) == 0:
            listener.close()
            return _supervised(connection)
        running.add(supervisor)
        connection.close()


def _supervised(connection: socket.socket) -> Job:
    """Returns in a fork of its own; this process hands it signals, and tells the client how it ended."""
    job = Job.read(connection)
    child = os.fork()
    if child == 0:
        connection.close()
        return job
    for stream in job.streams:
        os.close(stream)
    ended = os.pidfd_open(child)
    either: list[int] = [ended, connection.fileno()]
    while ended not in select.select(either, [], [])[0]:
        if number := connection.recv(1):
            os.kill(child, number[0])
        else:  # the client was killed
            _end(child, ended)
            break
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with suppress(BrokenPipeError):
        connection.send(bytes([code if code >= 0 else 128 - code]))
    os._exit(0)


def _end(child: int, ended: int) -> None:
    os.kill(child, signal.SIGTERM)
    if not select.select([ended], [], [], GRACE_S)[0]:
        os.kill(child, signal.SIGKILL)


def become(job: Job) -> None:
    """Makes this fork what was asked for, up to its arguments."""
    for number, stream in enumerate(job.streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, "r", closefd=False))
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), write_through=True)
    os.chdir(job.cwd)
    os.environ.clear()
    os.environ.update(job.environment)
    sys.argv = job.words


def run(job: Job) -> None:
    """Runs it to its end."""
    engine = ROOT / ".cloud" / "engine" / "bin"
    match job.step:
        case "host":
            runner = str(Path(job.words[0]).with_name("pulumi-language-python-exec"))
            sys.argv = [job.words[0], "--runner", runner, *job.words[1:]]
            importlib.import_module("toolchain.language_host").main()
        case "program":
            runpy.run_path(str(engine / "pulumi-language-python-exec"), run_name="__main__")
        case "providers":
            sys.path.insert(0, job.cwd)
            runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)
        case "plugin":
            wanted = Path(job.words[0])
            plugins = ROOT / ".cloud" / "engine" / "home" / "plugins"
            warnings.simplefilter("ignore")
            importlib.import_module("clients.plugin_clouds").main(
                str(plugins / wanted.parent.name / f"{wanted.name}-itself"), job.words[1:]
            )
        case _:
            sys.path.insert(0, job.cwd)
            _, _, module, *arguments = job.words  # NAME -m operations.NAME …
            sys.argv = [module, *arguments]
            runpy.run_module(module, run_name="__main__", alter_sys=True)


def import_program() -> None:
    """Imports what the program, the language host and the dynamic providers do."""
    tree = ast.parse((ROOT / "__main__.py").read_text(encoding="utf-8"))
    imports: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    exec(compile(ast.Module(imports, []), "imports", "exec"), {})  # noqa: S102 - the program's own
    for name in (
        "pulumi.dynamic",
        "toolchain.language_host",
        "clients.plugin_clouds",
        "operations.repair.takeover",
        "operations.report.making",
        "operations.report.rendering",
    ):
        importlib.import_module(name)
    assert threading.active_count() == 1, "a fork has no threads but the one that forks"
    gc.enable()  # the program's import turned it off, which only the program's own forks do again
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    import_program()
    if job := serve(Path(sys.argv[1])):
        become(job)
        run(job)
