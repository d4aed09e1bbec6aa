"""The OS images of the hosts: what they boot."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from config.host import HostOsSpec
from dynamic_providers.host_os.declared import HostOsArgs, HostOsHost
from dynamic_providers.host_os.provider import HostOs


def make_host_os(
    name: str,
    spec: HostOsSpec,
    *,
    hosts: Sequence[HostOsHost],
    cloud: str,
    opts: pulumi.ResourceOptions | None = None,
) -> None:
    """Makes the `HostOs` of a stack's hosts, named in the order of the stack file; those without an image too.

    A host that declares an image and has booted another one gets it by bootc: fetched, restarted, and proved by its
    containers being as well as before; one host at a time, control hosts only while all the others are well, compute
    hosts only without running instances. The first failure stops it: that host is rolled back, the hosts after it are
    not touched, and the run fails with a sentence for each. Declaring the former image again goes back to it. A host
    that leaves keeps what it has booted.
    """
    made = HostOs(name, HostOsArgs(hosts=list(hosts), cloud=cloud, **dict(spec)), opts)
    made.results.apply(partial(_refuse_failures, made))


def _refuse_failures(made: HostOs, results: Mapping[str, Mapping[str, Any]]) -> None:
    failed = {name: found for name, found in results.items() if not found["ok"]}
    if failed and not pulumi.runtime.is_dry_run():
        untouched = sorted(name for name, found in failed.items() if found.get("untouched"))
        for name in failed.keys() - untouched:
            pulumi.log.error(str(failed[name]["message"]), made)
        if untouched:
            pulumi.log.error(f"not touched after that: {', '.join(untouched)}", made)
        raise pulumi.RunError(f"{len(failed)} of {len(results)} hosts have not booted their image; see above")
