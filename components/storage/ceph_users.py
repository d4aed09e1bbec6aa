"""cephx users with their keys, and the files with which a machine logs in as one."""

from dataclasses import dataclass
from functools import partial

import pulumi

from clients import ceph_users as users
from clients.errors import CloudError
from config.ceph import CephLoginSpec, CephUserSpec
from config.settings import Settings
from dynamic_providers.ceph_login_files.provider import CephLoginFiles
from dynamic_providers.ceph_user.provider import CephUser, CephUserArgs


@dataclass(frozen=True)
class CephLogin:
    """How this machine logs in as a user that this program makes.

    Attributes:
        user: without ``client.``.
        conf: path of the ceph.conf that is written for it.
        after: what writes it, and the user itself.
    """

    user: str
    conf: str
    after: pulumi.Resource


def make_ceph_users(settings: Settings) -> dict[str, "CephxUser"]:
    """Makes the users of SETTINGS, by name; first looks whether the login may make them."""
    login = settings.ceph
    if not settings.ceph_users or login is None:  # load() asks for it where there are users
        return {}
    made = {spec.name: CephxUser(spec.name, spec, login=login) for spec in settings.ceph_users}
    look_at_the_login(login, next(iter(made.values())))
    return made


def look_at_the_login(login: CephLoginSpec, resource: pulumi.Resource) -> None:
    """Looks at preview already whether LOGIN may make users; changes nothing.

    Where Ceph cannot be reached from here, RESOURCE gets a warning.

    Raises:
        pulumi.RunError: it may not.
    """
    try:
        with users.connected(login.user, str(login.conf) if login.conf else None) as handle:
            users.refuse_without_rights(handle)
    except users.NoRightsError as error:
        raise pulumi.RunError(f"ceph.user: {error} Nothing was changed.") from None
    except CloudError as error:
        pulumi.log.warn(f"ceph: could not be asked from here ({error}): not checked", resource)


class CephxUser(pulumi.ComponentResource):
    """A cephx user with all its keys, and the files of its login.

    Makes one `CephUser` for each serial, one more for a user that is adopted, and one `CephLoginFiles` where a
    folder is given.
    """

    login: CephLogin | None
    """How this machine logs in as it; None where no folder is given."""
    summary: dict[str, pulumi.Input[str]]
    """What the stack exports: user and fsid."""
    login_files: dict[str, pulumi.Output[str]]
    """ceph/NAME/ceph.conf and ceph/NAME/keyring, secret: those of the key that is handed out."""

    def __init__(
        self,
        name: str,
        spec: CephUserSpec,
        *,
        login: CephLoginSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:ceph:CephxUser", name, None, opts)
        made = {
            entity: CephUser(
                entity,
                CephUserArgs(
                    user=entity,
                    caps=spec.caps.by_kind,
                    adopted=entity == spec.adopt,
                    login=login.user,
                    ceph_conf=str(login.conf) if login.conf else None,
                    owner_stack=f"{pulumi.get_project()}/{pulumi.get_stack()}",
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for entity in spec.entities
        }
        user, handed_out = list(made.items())[-1]
        keyrings = {
            keyring_name(entity): each.key.apply(partial(keyring, entity)) for entity, each in made.items()
        }
        monitors = pulumi.Output.all(handed_out.fsid, handed_out.mon_host)
        self.login = None
        if spec.folder:
            folder = str(spec.folder)
            conf = monitors.apply(lambda known: ceph_conf(known[0], known[1], folder))
            files = CephLoginFiles(
                name,
                folder=folder,
                texts={CONF: conf, **keyrings},
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(made.values())),
            )
            self.login = CephLogin(user, f"{folder}/{CONF}", files)
        plain_conf = monitors.apply(lambda known: ceph_conf(known[0], known[1], None))
        self.login_files = {
            f"ceph/{name}/{CONF}": pulumi.Output.secret(plain_conf),
            f"ceph/{name}/keyring": pulumi.Output.secret(keyrings[keyring_name(user)]),
        }
        self.summary = {"user": user, "fsid": handed_out.fsid}
        self.register_outputs(self.summary)


CONF = "ceph.conf"


def ceph_conf(fsid: str, mon_host: str, folder: str | None) -> str:
    """A ceph.conf whose clients find their keyrings in FOLDER; where that is None, in Ceph's own places."""
    lines = ["[global]", f"fsid = {fsid}", f"mon_host = {mon_host}"]
    if folder is not None:
        lines += ["", "[client]", f"keyring = {folder}/$cluster.$name.keyring"]  # Ceph puts both in
    return "\n".join([*lines, ""])


def keyring_name(user: str) -> str:
    """What Ceph's clients call the keyring of USER, whose name is without ``client.``."""
    return f"ceph.client.{user}.keyring"


def keyring(user: str, key: str) -> str:
    """A keyring with one key; caps are the monitors' business."""
    return f"[client.{user}]\n\tkey = {key}\n"
