"""A cephx user's login files: a ceph.conf with only the monitors' addresses, and a keyring."""

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
