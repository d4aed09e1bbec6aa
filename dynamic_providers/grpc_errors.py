"""What the engine is told when a dynamic provider raises a CloudError: its sentence, and nothing around it.

Pulumi's host of dynamic providers lets every exception through to gRPC, which logs a traceback and answers
"Exception calling application: …". A unit test holds the name that is replaced here to the pinned grpcio.
"""

import logging
import sys
from typing import Any

from grpc import _server

from clients.errors import CloudError

_PREFIX = b"Exception calling application: "
_abort = _server._abort  # noqa: SLF001 - there is no other way in


def _abort_with_the_sentence(state: Any, call: Any, code: Any, details: bytes) -> None:
    # Called inside the `except` of the handler that raised.
    if isinstance(sys.exc_info()[1], CloudError):
        details = details.removeprefix(_PREFIX)
    _abort(state, call, code, details)


def _not_a_cloud_error(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], CloudError))


def say_sentences_alone() -> None:
    """Have every gRPC server of this process answer a CloudError with its sentence alone, without a traceback."""
    vars(_server)["_abort"] = _abort_with_the_sentence
    logging.getLogger("grpc._server").addFilter(_not_a_cloud_error)
