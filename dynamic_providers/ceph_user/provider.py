"""The CRUD of a cephx user."""

import pulumi
from pydantic import Field

from clients import ceph_users as users
from clients.progress import log_line
from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState


class CephUserArgs(Inputs):
    """What a cephx user declares.

    Attributes:
        user: its name without ``client.``; it is in names of files and in sections of ceph.conf.
        caps: by kind of daemon (mon, osd, mgr, mds), as Ceph writes them.
        adopted: whether it was there before: taken over as it is, and left in Ceph when it is dropped here.
        login: cephx user that makes it, without ``client.``.
        ceph_conf: path of ceph.conf; $CEPH_CONF or /etc/ceph/ceph.conf if none is given.
        owner_stack: ``project/stack``: whose it is.
    """

    user: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=128)
    caps: dict[str, str] = Field(min_length=1)
    adopted: bool = False
    login: str = Field(min_length=1)
    ceph_conf: str | None = None
    owner_stack: str = Field(min_length=1)


class CephUserOutputs(Outputs):
    """What the monitors hold.

    Attributes:
        key: in base64; a secret.
        mon_host: the monitors' addresses, as ceph.conf writes them.
    """

    key: str = Field(repr=False)
    fsid: str
    mon_host: str


State = ResourceState[CephUserArgs, CephUserOutputs]


class CephUserProvider(DynamicProvider[CephUserArgs, CephUserOutputs]):
    """One cephx user; it keeps its key for as long as it lives."""

    replace_on = frozenset({"user"})
    connection_fields = frozenset({"login", "ceph_conf"})
    create_only_fields = frozenset({"adopted", "owner_stack"})

    def find_or_create(self, inputs: CephUserArgs) -> tuple[str, CephUserOutputs]:
        """Make it, go on with what a killed run made, or take over what was there."""
        with users.connected(inputs.login, inputs.ceph_conf) as handle:
            made = (
                users.adopt(handle, inputs.user, inputs.caps)
                if inputs.adopted
                else users.ensure(handle, inputs.user, inputs.caps, inputs.owner_stack)
            )
            return inputs.user, _outputs(made, users.monitors(handle))

    def update_in_place(self, state: State, inputs: CephUserArgs) -> CephUserOutputs:
        """Give it other caps; whoever is connected gets them with its next ticket."""
        with users.connected(inputs.login, inputs.ceph_conf) as handle:
            return _outputs(users.with_caps(handle, state.id, inputs.caps), users.monitors(handle))

    def read_live(self, state: State) -> State | None:
        """Gone is: the monitors do not know it."""
        with users.connected(state.inputs.login, state.inputs.ceph_conf) as handle:
            found = users.find(handle, state.id)
            if found is None:
                return None
            return State(
                state.id,
                state.inputs.model_copy(update={"caps": dict(found.caps)}),
                _outputs(found, users.monitors(handle)),
            )

    def delete_live(self, state: State) -> None:
        """Remove it; one that was there before stays."""
        if state.inputs.adopted:
            log_line(
                f"client.{state.id} was there before this stack and stays; `ceph auth rm client.{state.id}` removes it"
            )
            return
        with users.connected(state.inputs.login, state.inputs.ceph_conf) as handle:
            users.remove(handle, state.id)


def _outputs(user: users.User, monitors: users.Monitors) -> CephUserOutputs:
    return CephUserOutputs(key=user.key, fsid=monitors.fsid, mon_host=monitors.mon_host)


class CephUser(DynamicResource, module="ceph", name="User"):
    """One cephx user and its key. See CephUserArgs for what it declares."""

    made_by = CephUserProvider

    key: pulumi.Output[str]
    fsid: pulumi.Output[str]
    mon_host: pulumi.Output[str]
