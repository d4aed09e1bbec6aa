"""A FAKE of the OpenStack resource plugin: speaks the engine's protocol, talks to no cloud.

It takes any input as right, keeps nothing (what a resource is, the engine's state file says), and knows one
user, group, role or domain for every name that does not begin with "missing".
"""

import signal
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

VERSION = "5.5.3"


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return ParseDict(values, struct_pb2.Struct())


class FakeOpenStack(provider_pb2_grpc.ResourceProviderServicer):
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

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - as above
        wanted = MessageToDict(request.args)
        response = provider_pb2.InvokeResponse()
        if request.tok.endswith(":getQuotasetV3"):
            getattr(response, "return").CopyFrom(_struct({**wanted, "id": "a-quota", "volumeTypeQuota": {}}))
            return response
        if str(wanted["name"]).startswith("missing"):
            context.abort(
                grpc.StatusCode.UNKNOWN, "Your query returned no results. Please change your criteria"
            )
        getattr(response, "return").CopyFrom(_struct({**wanted, "id": f"id-of-{wanted['name']}"}))
        return response

    def Check(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        old, new = MessageToDict(request.old_inputs), MessageToDict(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some if changed else none, diffs=changed)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        identifier = "" if request.preview else str(uuid.uuid4())
        return provider_pb2.CreateResponse(id=identifier, properties=request.properties)

    def Read(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return provider_pb2.UpdateResponse(properties=request.news)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802 - as above
        return empty_pb2.Empty()


def main() -> None:
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(FakeOpenStack(), server)
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
