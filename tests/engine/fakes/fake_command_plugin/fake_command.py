"""A FAKE of the pulumi-command plugin: speaks the engine's protocol and really runs what it is given, here.

It does what the published plugin 1.2.1 is documented to do with `create`, `update`, `delete`, `stdin` and
`triggers`, and nothing else. A remote command runs on this machine too; its connection is not used. What it
is asked to run is appended to the file that FAKE_COMMAND_LOG names, as JSON lines.
"""

import json
import os
import signal
import subprocess
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

VERSION = "1.2.1"
OUTPUTS = ("stdout", "stderr")


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return ParseDict(values, struct_pb2.Struct())


class FailedError(Exception):
    """The command's own error."""


def _ran(command: str | None, values: dict[str, Any]) -> dict[str, Any]:
    if command is None:
        return values
    arguments = ["/bin/sh", "-c", command]
    done = subprocess.run(
        arguments, input=values.get("stdin", ""), capture_output=True, text=True, check=False, timeout=60
    )
    with Path(os.environ["FAKE_COMMAND_LOG"]).open("a", encoding="utf-8") as log:
        log.write(json.dumps({"arguments": arguments, "connection": values.get("connection")}) + "\n")
    if done.returncode != 0:
        raise FailedError(f"exit status {done.returncode}: running {command!r}:\n{done.stdout}{done.stderr}")
    return {**values, "stdout": done.stdout.rstrip("\n"), "stderr": done.stderr.rstrip("\n")}


class FakeCommand(provider_pb2_grpc.ResourceProviderServicer):
    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - the protocol's signature
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.GetSchemaResponse(schema="{}")

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.ConfigureResponse(acceptSecrets=False, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        values = MessageToDict(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        return provider_pb2.CreateResponse(
            id=str(uuid.uuid4()), properties=_struct(_run_or_abort(values.get("create"), values, context))
        )

    def Read(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        old, values = MessageToDict(request.olds), MessageToDict(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        kept = {key: old[key] for key in OUTPUTS if key in old}
        command = values.get("update") or values.get("create")
        return provider_pb2.UpdateResponse(
            properties=_struct(_run_or_abort(command, {**values, **kept}, context))
        )

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        values = MessageToDict(request.properties)
        _run_or_abort(values.get("delete"), values, context)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return empty_pb2.Empty()


def _run_or_abort(
    command: str | None, values: dict[str, Any], context: grpc.ServicerContext
) -> dict[str, Any]:
    try:
        return _ran(command, values)
    except FailedError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(FakeCommand(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - how the engine learns where to connect
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    server.stop(grace=None)


if __name__ == "__main__":
    main()
