"""What the engine hears from the host of dynamic providers when one raises, over a real gRPC connection."""

from concurrent import futures
from typing import Any

import grpc
import pytest

from clients.errors import CloudError, InUseError
from dynamic_providers.grpc_errors import say_sentences_alone


def answer_to(error: Exception) -> str:
    def fail(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        raise error

    say_sentences_alone()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Create": grpc.unary_unary_rpc_method_handler(fail)
    }
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("provider", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        create: Any = channel.unary_unary("/provider/Create")
        with pytest.raises(grpc.RpcError) as raised:
            create(b"", timeout=10)
    server.stop(0)
    refused: Any = raised.value
    details: str = refused.details()
    return details


@pytest.mark.parametrize("error", [CloudError("the pool is full"), InUseError("the pool is full")])
def test_a_sentence_arrives_alone(error):
    assert answer_to(error) == "the pool is full"


def test_a_fault_of_this_project_keeps_its_mark():
    assert answer_to(KeyError("x")) == "Exception calling application: 'x'"
