"""A FAKE of the pulumi-command plugin: speaks the engine's protocol and really runs what it is given, here.

It does what the published plugin 1.2.1 is documented to do with `create`, `update`, `delete`, `stdin` and
`triggers`, and nothing else. A remote command runs on this machine too; its connection is not used. What it
is asked to run is appended to the file that FAKE_COMMAND_LOG names, as JSON lines.
"""

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import provider_pb2

from tests.engine.fakes.plugin_server import FakePlugin, serve, struct

OUTPUTS = ("stdout", "stderr")


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


class FakeCommand(FakePlugin):
    version = "1.2.1"

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        values = MessageToDict(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        return provider_pb2.CreateResponse(
            id=str(uuid.uuid4()), properties=struct(_run_or_abort(values.get("create"), values, context))
        )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        old, values = MessageToDict(request.olds), MessageToDict(request.news)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        kept = {key: old[key] for key in OUTPUTS if key in old}
        command = values.get("update") or values.get("create")
        return provider_pb2.UpdateResponse(
            properties=struct(_run_or_abort(command, {**values, **kept}, context))
        )

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        values = MessageToDict(request.properties)
        _run_or_abort(values.get("delete"), values, context)
        return empty_pb2.Empty()


def _run_or_abort(
    command: str | None, values: dict[str, Any], context: grpc.ServicerContext
) -> dict[str, Any]:
    try:
        return _ran(command, values)
    except FailedError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))


if __name__ == "__main__":
    serve(FakeCommand())
