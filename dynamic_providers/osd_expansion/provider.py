"""The CRUD of an expansion."""

import pulumi
from pydantic import Field

from dynamic_providers.base import DynamicProvider, DynamicResource, Outputs, ResourceState
from dynamic_providers.osd_expansion import journal, runner
from dynamic_providers.osd_expansion.cluster import Cluster, connected
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs


class OsdExpansionOutputs(Outputs):
    """How the last run left it.

    Attributes:
        osds: how far each OSD is that is not where it should be.
        left: what the next run goes on with; empty for nothing.
    """

    osds: dict[str, str] = Field(default_factory=dict)
    left: str = ""


State = ResourceState[OsdExpansionArgs, OsdExpansionOutputs]
DECLARED = "declared"


class OsdExpansionProvider(DynamicProvider[OsdExpansionArgs, OsdExpansionOutputs]):
    """OSDs that fill or leave. The CRUSH weights are the progress: each run decides from there anew.

    A run that has no more time has succeeded for the engine; the next one goes on.
    """

    connection_fields = frozenset(
        {"user", "conf", "strategy", "latency_times", "latency_ms", "time_budget_s"}
    )
    to_do_fields = frozenset({"plan"})

    def needs_repair(self, outputs: OsdExpansionOutputs) -> bool:
        """What the last run did not come to."""
        return bool(outputs.left)

    def find_or_create(self, inputs: OsdExpansionArgs) -> tuple[str, OsdExpansionOutputs]:
        """Go on from the weights as they are, for as long as a run may take."""
        with connected(inputs.user, inputs.conf, inputs.probe_pool) as cluster:
            cluster.store(DECLARED, inputs.model_dump_json(exclude={"plan", "user", "conf"}))
            return f"osd-expansion/{cluster.handle.get_fsid()}", _outputs(runner.run(cluster, inputs))

    def read_live(self, state: State) -> State | None:
        """How far each OSD is now."""
        inputs = state.inputs
        with connected(inputs.user, inputs.conf, inputs.probe_pool) as cluster:
            entries = journal.read(cluster)
            return State(state.id, inputs, _outputs(runner.how_far(cluster, inputs, entries)))

    def delete_live(self, state: State) -> None:
        """Put back what a killed run has set; OSDs stay as they are."""
        with connected(state.inputs.user, state.inputs.conf, state.inputs.probe_pool) as cluster:
            runner.end(cluster, state.inputs.probe_pool)
            cluster.forget(DECLARED)


def declared_in(cluster: Cluster, user: str, conf: str | None) -> OsdExpansionArgs | None:
    """What the last `up` has declared in CLUSTER; None where there is none."""
    found = cluster.key(DECLARED)
    return OsdExpansionArgs(user=user, conf=conf, **found) if found else None


def _outputs(outcome: runner.Outcome) -> OsdExpansionOutputs:
    return OsdExpansionOutputs(osds=outcome.osds, left=outcome.left)


class OsdExpansion(DynamicResource, module="ceph", name="OsdExpansion"):
    """OSDs that fill or leave. See OsdExpansionArgs for what it declares."""

    made_by = OsdExpansionProvider

    osds: pulumi.Output[dict[str, str]]
    left: pulumi.Output[str]
