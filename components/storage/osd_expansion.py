"""OSDs that fill or leave: what there is to do is found out by the program, so that a preview shows it."""

import pulumi

from clients.errors import CloudError
from config.osd_expansion import OsdExpansionSpec
from dynamic_providers.osd_expansion import journal
from dynamic_providers.osd_expansion.cluster import connected
from dynamic_providers.osd_expansion.declared import OsdExpansionArgs
from dynamic_providers.osd_expansion.provider import OsdExpansion
from dynamic_providers.osd_expansion.work import described, look

NAME = "osd-expansion"


def make_osd_expansion(spec: OsdExpansionSpec | None) -> dict[str, pulumi.Output[str]]:
    """Makes what fills and empties OSDs; gives what the stack exports: what the next up goes on with."""
    return Expansion(NAME, spec).summary if spec else {}


class Expansion(pulumi.ComponentResource):
    """OSDs that fill or leave.

    Makes one `OsdExpansion`. The program reads Ceph, at preview and again at `up`: what it finds to do with each OSD is
    an input, as the plan of a fleet is.
    """

    summary: dict[str, pulumi.Output[str]]
    """What the stack exports."""

    def __init__(self, name: str, spec: OsdExpansionSpec, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-cloud:ceph:OsdExpansion", name, None, opts)
        args = OsdExpansionArgs.model_validate(spec.model_dump(mode="json"))
        made = OsdExpansion(
            name,
            args.model_copy(update={"plan": self._planned(args)}),
            opts=pulumi.ResourceOptions(parent=self),
        )
        if not pulumi.runtime.is_dry_run():
            made.left.apply(lambda left: pulumi.log.info(f"OSDs: {left}", made) if left else None)
        self.summary = {"left": made.left}
        self.register_outputs(self.summary)

    def _planned(self, args: OsdExpansionArgs) -> dict[str, str]:
        """What there is to do, by OSD; nothing where Ceph cannot be asked."""
        try:
            with connected(args.user, args.conf, args.probe_pool) as cluster:
                entries = journal.read(cluster)
                return described(args, *look(cluster, args, entries), entries)
        except CloudError as error:
            pulumi.log.warn(f"osd_expansion: what is to do is not known: {error}", resource=self)
            return {}
