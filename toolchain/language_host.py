"""Pulumi's Python language host, for engines built from the Go module mirror.

The module of the official host is not on the mirror (docs/adr/0002-python-language-host.md). This one
serves what the engine of 3.259 asks for while it runs programs and policy packs of the pip package
``pulumi``: pulumi/language.proto of the same version. It runs with ``python -P``, so that the modules
beside it hide none of the standard library's.

Supported runtime options: ``virtualenv`` (relative to the project) and ``toolchain: pip``.
"""

import argparse
import json
import os
import platform
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import FrameType
from typing import IO

if (
    __name__ == "__main__"
):  # of the SDK only its protocol: the __init__ of these packages would import all of it
    for _name in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto"):
        _spec = find_spec(_name)
        assert _spec is not None
        sys.modules[_name] = module_from_spec(_spec)

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi._version import version
from pulumi.runtime.proto import language_pb2 as messages
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto.language_pb2_grpc import (
    LanguageRuntimeServicer,
    add_LanguageRuntimeServicer_to_server,
)

# pulumi-language-python-exec ends with it when it has shown the user what went wrong.
EXIT_AFTER_MESSAGE = 32
# Seconds a program has to end after SIGTERM.
GRACE = 5


class Unsupported(Exception):  # noqa: N818 - reads as what it says where it is raised
    """The project asks for something that this host does not do; the text is for the user."""


def interpreter(info: messages.ProgramInfo) -> tuple[str, dict[str, str]]:
    """Find the Python that runs a program, and what its environment needs besides.

    Raises:
        Unsupported: the virtualenv is missing, or an option is none of this host's.
    """
    options = dict(info.options)
    for option, value in options.items():
        if option not in {"virtualenv", "toolchain"} or (option == "toolchain" and value != "pip"):
            raise Unsupported(
                f"runtime option {option}: {value} is not supported by the language host of an engine built "
                "from the Go module mirror: use virtualenv, or an official Pulumi release"
            )
    name = str(options.get("virtualenv", ""))
    if not name:
        wanted = os.environ.get("PULUMI_PYTHON_CMD", "python3")
        found = shutil.which(wanted)
        if found is None:
            raise Unsupported(f"{wanted} is not on PATH, and the project names no virtualenv")
        return found, {}
    folder = Path(info.root_directory, name).absolute()
    python = folder / "bin" / "python"
    if not python.is_file():
        raise Unsupported(
            f"runtime option virtualenv: {name} names no virtual environment ({python} is missing): "
            "run the project's install, or python3 -m venv"
        )
    path = os.pathsep.join([str(folder / "bin"), os.environ.get("PATH", os.defpath)])
    return str(python), {"VIRTUAL_ENV": str(folder), "PATH": path}


class Children:
    """The processes this host has started, so that none outlives it."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self, command: list[str], *, cwd: str, env: dict[str, str], output: int | None
    ) -> subprocess.Popen[bytes]:
        """Start a process, unless this host is on its way out."""
        with self._lock:
            if self._closed:
                raise Unsupported("the language host is shutting down")
            child = subprocess.Popen(
                command, cwd=cwd or None, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            self._running.add(child)
        return child

    def wait(self, child: subprocess.Popen[bytes]) -> int:
        """Wait for the end of a process; return its exit code."""
        code = child.wait()
        with self._lock:
            self._running.discard(child)
        return code

    def stop(self, child: subprocess.Popen[bytes]) -> None:
        """Ask the process to end, then make it; one that has ended is left alone."""
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            child.kill()

    def close(self) -> None:
        """End all processes and start no more."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for child in running:
            child.terminate()
        for child in running:
            self.stop(child)


class Host(LanguageRuntimeServicer):
    """Answers the engine; see pulumi/language.proto for each call."""

    def __init__(self, engine: str, runner: str, children: Children) -> None:
        self._engine = engine
        self._runner = runner
        self._children = children

    def Handshake(  # noqa: N802 - the protocol's name
        self, request: messages.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> messages.LanguageHandshakeResponse:
        """Accept whichever engine calls."""
        del request, context
        return messages.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        """Say the version of the SDK that this host speaks for."""
        del request, context
        return plugin_pb2.PluginInfo(version=str(version))

    def GetRequiredPackages(  # noqa: N802
        self, request: messages.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> messages.GetRequiredPackagesResponse:
        """Name none: the engine looks for a plugin when a resource first needs it.

        Naming the plugin of every installed SDK, as the official host does, would stop each stack at the
        first plugin that cannot be had, whether the stack uses it or not.
        """
        del request, context
        return messages.GetRequiredPackagesResponse()

    def About(  # noqa: N802
        self, request: messages.AboutRequest, context: grpc.ServicerContext
    ) -> messages.AboutResponse:
        """Name the Python that would run the program."""
        del context
        try:
            python, _ = interpreter(request.info)
        except Unsupported:
            python = sys.executable
        return messages.AboutResponse(executable=python, version=platform.python_version())

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:  # noqa: N802
        """Acknowledge: the program ends by itself once the engine's monitor refuses its requests."""
        del request, context
        return Empty()

    def Run(self, request: messages.RunRequest, context: grpc.ServicerContext) -> messages.RunResponse:  # noqa: N802
        """Run a program to its end; what it prints reaches the engine through this process's own streams."""
        try:
            python, extra = interpreter(request.info)
            command = [python, "-u", self._runner, *self._run_arguments(request)]
            environment = os.environ | extra | _configuration(request)
            child = self._children.start(command, cwd=request.pwd, env=environment, output=None)
        except Unsupported as error:
            return messages.RunResponse(error=str(error))
        context.add_callback(lambda: self._children.stop(child))
        code = self._children.wait(child)
        if code == EXIT_AFTER_MESSAGE:
            return messages.RunResponse(bail=True)
        if code != 0:
            ended = f"was ended by signal {-code}" if code < 0 else f"exited with code {code}"
            return messages.RunResponse(error=f"the Python program {ended}")
        return messages.RunResponse()

    def _run_arguments(self, request: messages.RunRequest) -> list[str]:
        entry = os.path.normpath(Path(request.info.program_directory, request.info.entry_point))
        options = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "root_directory": request.info.root_directory,
            "stack": request.stack,
            "pwd": request.pwd,
            "dry_run": str(request.dryRun).lower(),
            "organization": request.organization,
            "parallel": str(request.parallel),
        }
        flags = [part for name, value in options.items() if value for part in (f"--{name}", value)]
        return [*flags, entry, *request.args]

    def RunPlugin(  # noqa: N802
        self, request: messages.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[messages.RunPluginResponse]:
        """Run a policy pack (kind analyzer) or a provider written in Python, and stream its output."""
        try:
            python, extra = interpreter(request.info)
            folder = request.info.program_directory
            if request.kind == "analyzer":
                engine, *arguments = request.args
                command = [python, "-u", "-m", "pulumi.policy", engine, folder, *arguments]
            else:
                command = [python, "-u", folder, *request.args]
            given = dict(pair.split("=", 1) for pair in request.env)
            child = self._children.start(
                command, cwd=request.pwd, env=(given or dict(os.environ)) | extra, output=subprocess.PIPE
            )
        except Unsupported as error:
            yield messages.RunPluginResponse(stderr=f"{error}\n".encode())
            yield messages.RunPluginResponse(exitcode=1)
            return
        context.add_callback(lambda: self._children.stop(child))
        yield from _output(child)
        yield messages.RunPluginResponse(exitcode=self._children.wait(child))


def _configuration(request: messages.RunRequest) -> dict[str, str]:
    config = {key.replace(":config:", ":", 1): value for key, value in request.config.items()}
    secrets = [key.replace(":config:", ":", 1) for key in request.configSecretKeys]
    return {"PULUMI_CONFIG": json.dumps(config), "PULUMI_CONFIG_SECRET_KEYS": json.dumps(secrets)}


def _output(child: subprocess.Popen[bytes]) -> Iterator[messages.RunPluginResponse]:
    lines: queue.SimpleQueue[messages.RunPluginResponse | None] = queue.SimpleQueue()

    def pump(stream: IO[bytes], *, errors: bool) -> None:
        with stream:
            for line in stream:
                lines.put(
                    messages.RunPluginResponse(stderr=line)
                    if errors
                    else messages.RunPluginResponse(stdout=line)
                )
        lines.put(None)

    assert child.stdout is not None
    assert child.stderr is not None
    for stream, errors in ((child.stdout, False), (child.stderr, True)):
        threading.Thread(target=pump, args=(stream,), kwargs={"errors": errors}, daemon=True).start()
    for _ in range(2):
        yield from iter(lines.get, None)


def main() -> None:
    """Serve the engine whose address is the last argument, until it goes away or signals."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", required=True, help="the script pulumi-language-python-exec")
    given, _ = parser.parse_known_args(sys.argv[1:3])  # what follows are the engine's own flags
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        del number, frame
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    parent = os.getppid()
    children = Children()
    server = grpc.server(
        ThreadPoolExecutor(max_workers=64),  # each running program and policy pack holds one
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    add_LanguageRuntimeServicer_to_server(Host(sys.argv[-1], given.runner, children), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    while not stop.wait(1) and os.getppid() == parent:
        pass  # an engine that was killed sends no signal
    children.close()
    server.stop(None)
    os._exit(0)  # grpc's threads are of no more use


if __name__ == "__main__":
    main()
