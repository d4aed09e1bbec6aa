"""The OS images of the hosts: what they boot."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from config.host_os import HostOsSpec
from dynamic_providers.host_os.provider import HostOs as HostOsRollout
from dynamic_providers.host_os.provider import HostOsArgs
from dynamic_providers.host_os.upgrade import HostOsHost


class HostOs(pulumi.ComponentResource):
    """The OS images of a stack's hosts.

    Makes one `HostOs` of the dynamic providers. A host that declares an image and has booted another one gets it by
    bootc: fetched, restarted, and proved by its containers being as well as before; one host at a time, control
    hosts only while all the others are well, compute hosts only without running instances. The first failure stops
    it: that host is rolled back, the hosts after it are not touched, and the run fails with a sentence for each.
    Declaring the former image again goes back to it. A host that leaves keeps what it has booted.

    Args:
        name: of the resource.
        spec: how.
        hosts: all hosts of the stack, in the order of the stack file; those without an image too.
        cloud: the entry of clouds.yaml with an administrator's login.
        opts: what has to be there first: the deployment.
    """

    images: pulumi.Output[dict[str, Any]]
    """By host, the reference that it has booted."""

    def __init__(
        self,
        name: str,
        spec: HostOsSpec,
        *,
        hosts: Sequence[HostOsHost],
        cloud: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:hosts:HostOs", name, None, opts)
        made = HostOsRollout(
            name,
            HostOsArgs(
                hosts=list(hosts),
                cloud=cloud,
                on_failure=spec.on_failure,
                wait=spec.wait,
                may_interrupt=list(spec.may_interrupt),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.images = made.results.apply(self._images)
        self.register_outputs({"images": self.images})

    def _images(self, results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        failed = {name: found for name, found in results.items() if not found["ok"]}
        if failed and not pulumi.runtime.is_dry_run():
            untouched = sorted(name for name, found in failed.items() if found.get("untouched"))
            for name in failed.keys() - untouched:
                pulumi.log.error(str(failed[name]["message"]), self)
            if untouched:
                pulumi.log.error(f"not touched after that: {', '.join(untouched)}", self)
            raise pulumi.RunError(
                f"{len(failed)} of {len(results)} hosts have not booted their image; see above"
            )
        return {name: found.get("image") for name, found in results.items()}
