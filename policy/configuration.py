"""The stack's configuration, which the engine tells a pack of and the Python SDK (pulumi_policy 1.21) drops."""

from collections.abc import Callable
from typing import Any

import grpc
import pulumi
import pulumi_policy.policy as sdk
from pulumi.runtime.proto import analyzer_pb2


def when_configured(callback: Callable[[], None]) -> None:
    """Has a pack that is served from now on call CALLBACK when it knows the stack: `pulumi.Config` works from there on.

    ConfigureStack of pulumi/analyzer.proto comes before anything else is asked of a pack. The SDK keeps only the
    stack's tags of it; its servicer is private, and takes no listener.
    """

    class Servicer(sdk._PolicyAnalyzerServicer):  # noqa: SLF001 - as the docstring says
        def ConfigureStack(  # noqa: N802 - the protocol's name
            self, request: analyzer_pb2.AnalyzerStackConfigureRequest, context: grpc.ServicerContext
        ) -> Any:
            pulumi.runtime.set_all_config(dict(request.config), list(request.config_secret_keys))
            pulumi.runtime.configure(
                pulumi.runtime.Settings(
                    project=request.project,
                    stack=request.stack,
                    dry_run=request.dry_run,
                    organization=request.organization,
                )
            )
            callback()
            return super().ConfigureStack(request, context)

    sdk._PolicyAnalyzerServicer = Servicer  # type: ignore[misc]  # noqa: SLF001
