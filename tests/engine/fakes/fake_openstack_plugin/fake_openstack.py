"""A FAKE of the OpenStack resource plugin: speaks the engine's protocol, talks to no cloud.

It takes any input as right, keeps nothing (what a resource is, the engine's state file says), and knows one
user, group, role or domain for every name that does not begin with "missing". Where FAKE_OPENSTACK_HOLD names a
file, each create and update of a network makes that file and does not end before it is gone. FAKE_OPENSTACK_REAL is
JSON: what every network really is, whatever was declared. Where FAKE_OPENSTACK_LOG names a file, each create and
delete is a line of it.
"""

import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import provider_pb2

from tests.engine.fakes.plugin_server import FakePlugin, serve, struct


def held(request: Any) -> None:
    """Ends when a test lets it."""
    file = os.environ.get("FAKE_OPENSTACK_HOLD")
    if file and not request.preview and "network:Network::" in request.urn:
        Path(file).touch()
        while Path(file).exists():
            time.sleep(0.05)


def log(did: str, request: Any) -> None:
    """Adds a line such as `delete vms`."""
    file = os.environ.get("FAKE_OPENSTACK_LOG")
    if file and not getattr(request, "preview", False):
        with Path(file).open("a", encoding="utf-8") as lines:
            lines.write(f"{did} {request.urn.rpartition('::')[2]}\n")


class FakeOpenStack(FakePlugin):
    version = "5.5.3"

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        wanted = MessageToDict(request.args)
        response = provider_pb2.InvokeResponse()
        if request.tok.endswith(":getQuotasetV3"):
            getattr(response, "return").CopyFrom(struct({**wanted, "id": "a-quota", "volumeTypeQuota": {}}))
            return response
        if str(wanted["name"]).startswith("missing"):
            context.abort(
                grpc.StatusCode.UNKNOWN, "Your query returned no results. Please change your criteria"
            )
        getattr(response, "return").CopyFrom(struct({**wanted, "id": f"id-of-{wanted['name']}"}))
        return response

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802 - as above
        real = os.environ.get("FAKE_OPENSTACK_REAL")
        if real and "network:Network::" in request.urn:
            for properties in (request.properties, request.inputs):
                properties.update(json.loads(real))
        return super().Read(request, context)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        held(request)
        log("create", request)
        identifier = "" if request.preview else str(uuid.uuid4())
        return provider_pb2.CreateResponse(id=identifier, properties=request.properties)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        held(request)
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        log("delete", request)
        return empty_pb2.Empty()


if __name__ == "__main__":
    serve(FakeOpenStack())
