"""A connection to a Ceph cluster as one cephx user, and the sentences for what Ceph refuses."""

import ctypes
import errno
import json
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import rados

from clients import regular_file
from clients.errors import CloudError

DEFAULT_CONF = "/etc/ceph/ceph.conf"
CONNECT_TIMEOUT_S = "30"
OPERATION_TIMEOUT_S = "120"  # longer than an OSD takes to be marked down and replaced by another
TIMEOUTS = {
    "client_mount_timeout": CONNECT_TIMEOUT_S,
    "rados_mon_op_timeout": CONNECT_TIMEOUT_S,
    "rados_osd_op_timeout": OPERATION_TIMEOUT_S,
}
# An acknowledged write is stored, and is sent from the caller's memory, which stays as it is until then.
WRITES = {"rbd_cache": "false", "rbd_disable_zero_copy_writes": "false"}

# librados writes its own errors when it gets round to it, also after our sentence.
QUIET = {"log_to_stderr": "false", "err_to_stderr": "false"}


PATIENCE_S = int(OPERATION_TIMEOUT_S) + 30
"""How long a call of librbd is waited for that may never end: it loses some completions after a timeout."""

RUN_AGAIN = "see `ceph -s`, then run this again; it goes on with what is there."
"""How the sentence of an `UnansweredError` ends, in an import."""


class UnansweredError(CloudError):
    """A call to Ceph timed out; the librbd handle cannot be closed."""


def _never_free(held: object) -> None:
    """Keep an object as it is until the process ends: freeing it would wait for an answer that does not come.

    librbd 16 loses completions when `rados_osd_op_timeout` ends what they wait for, and closes no image before all
    have come.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(held))


def is_unanswered(error: BaseException) -> bool:
    """Whether Ceph did not answer in time: closing or taking anything back would wait as long again, or for ever."""
    return isinstance(error, UnansweredError) or getattr(error, "errno", None) == errno.ETIMEDOUT


@contextmanager
def closing(held: object, close: Callable[[], object]) -> Iterator[None]:
    """Close it in the end, unless what was done with it was left unanswered: then it is kept as it is.

    Raises:
        UnansweredError: Ceph has not answered the closing.
    """
    answered = True
    try:
        yield
    except BaseException as error:
        answered = not is_unanswered(error)
        if not answered:
            _never_free(held)
        raise
    finally:
        if answered:
            try:
                bounded(close, "Ceph has closed no connection")
            except UnansweredError:
                _never_free(held)
                raise


@contextmanager
def beside(call: Callable[[], object], late: str) -> Iterator[None]:
    """CALL goes on in a thread of its own while the ``with`` does, which ends when both have.

    Raises:
        UnansweredError: Ceph has not answered CALL, which LATE says; its thread is left to wait.
    """
    ended: Future[None] = Future()

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - the caller's, below
            ended.set_exception(error)
        else:
            ended.set_result(None)

    threading.Thread(target=run, daemon=True).start()
    try:
        yield
    finally:
        if not wait([ended], PATIENCE_S).done:
            raise unanswered(late)
    ended.result()


def bounded(call: Callable[[], object], late: str) -> None:
    """Wait for CALL, but not for ever.

    Raises:
        UnansweredError: Ceph has not answered it, which LATE says.
    """
    with beside(call, late):
        """Nothing else goes on."""


def unanswered(late: str) -> UnansweredError:
    """The error where nothing came for `PATIENCE_S`; LATE is how its sentence begins."""
    return UnansweredError(f"{late} for {PATIENCE_S} s: {RUN_AGAIN}")


def conf_path(conf: str | None) -> str:
    """The ceph.conf in force: the one given, else $CEPH_CONF, else Ceph's usual place."""
    return conf or os.environ.get("CEPH_CONF") or DEFAULT_CONF


@contextmanager
def cluster(user: str, conf: str | None = None) -> Iterator[rados.Rados]:
    """Yield a connection as ``client.<user>``; its keyring is what ceph.conf names for that user.

    Raises:
        CloudError: no ceph.conf or keyring, monitors that do not answer in 30 s, or a refused key.
    """
    path = conf_path(conf)
    try:
        regular_file.opened(path).close()  # librados would wait for ever for what is in a FIFO
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        what = (
            f"there is no Ceph configuration at {path}"
            if missing
            else f"the Ceph configuration {path} cannot be read"
        )
        why = "" if missing else f" ({error.strerror})"
        raise CloudError(
            f"{what}{why}: name one in the stack file (ceph.conf, image_store.ceph_conf) or in CEPH_CONF."
        ) from error
    handle = rados.Rados(conffile=path, name=f"client.{user}", conf=TIMEOUTS | WRITES | QUIET)
    try:
        handle.connect()
    except rados.ObjectNotFound as error:
        raise CloudError(
            f"no key for client.{user} was found: {path} must name its keyring "
            f"([client.{user}] keyring = …), and that file must hold its key."
        ) from error
    except (rados.PermissionDeniedError, rados.PermissionError) as error:
        raise CloudError(
            f"the Ceph monitors refuse the key of client.{user}: its keyring (see {path}) is not the "
            f"key they hold; `ceph auth get client.{user}` shows the right one to an administrator."
        ) from error
    except rados.Error as error:
        raise CloudError(
            f"the Ceph monitors named in {path} did not accept client.{user} "
            f"within {TIMEOUTS['client_mount_timeout']} s: {error}."
        ) from error
    with closing(handle, handle.shutdown):
        yield handle


class CommandRefused(CloudError):  # noqa: N818 - the state, in Ceph's sense
    """Ceph understood a command and did not do it.

    Attributes:
        code: errno, as a positive number.
    """

    def __init__(self, sentence: str, code: int) -> None:
        super().__init__(sentence)
        self.code = code


def command(
    handle: rados.Rados,
    prefix: str,
    *,
    to: Literal["monitor", "manager"] = "monitor",
    none_for: Collection[int] = (),
    **arguments: object,
) -> Any:
    """Run the command that ``ceph`` calls PREFIX, and return its JSON; text where it is none, None where empty.

    Args:
        handle: the connection.
        prefix: such as ``osd tree``.
        to: who answers it: the monitors, or the active manager and its modules.
        none_for: numbers of errors that are an answer: None is returned for them.
        **arguments: by the names that ``ceph`` itself sends.

    Raises:
        CommandRefused: Ceph's own words, and the errno.
        CloudError: nobody answered in time.
    """
    out = _answer(handle, prefix, to, none_for, arguments)
    if out is None or not out.strip():
        return None
    try:
        return json.loads(out)
    except ValueError:
        return out.decode(errors="replace").strip()


def binary(handle: rados.Rados, prefix: str) -> bytes:
    """What the monitors answer to PREFIX where that is no text, such as ``osd getmap``.

    Raises:
        CommandRefused: Ceph's own words, and the errno.
        CloudError: nobody answered in time.
    """
    return _answer(handle, prefix, "monitor", (), {}) or b""


def _answer(
    handle: rados.Rados,
    prefix: str,
    to: Literal["monitor", "manager"],
    none_for: Collection[int],
    arguments: Mapping[str, object],
) -> bytes | None:
    text = json.dumps({"prefix": prefix, "format": "json", **arguments})
    send = handle.mon_command if to == "monitor" else handle.mgr_command
    try:
        code, out, message = send(text, b"", timeout=int(CONNECT_TIMEOUT_S))
    except rados.Error as error:
        raise CloudError(f"the Ceph {to} did not answer `ceph {prefix}`: {error}") from error
    if abs(code) in none_for:
        return None
    if abs(code) == errno.ETIMEDOUT:
        raise CloudError(f"the Ceph {to} did not answer `ceph {prefix}` within {CONNECT_TIMEOUT_S} s")
    if code:
        # A module's traceback ends with what went wrong.
        last = (message.strip().splitlines() or [f"error {abs(code)}"])[-1]
        raise CommandRefused(f"`ceph {prefix}` failed: {last}", abs(code))
    return bytes(out)


@dataclass(frozen=True)
class Pool:
    """A pool, open for I/O, the connection and FSID of its cluster, and how it was reached."""

    handle: rados.Rados
    ioctx: rados.Ioctx
    fsid: str
    name: str
    user: str
    conf: str | None = None


@contextmanager
def pool(name: str, user: str, conf: str | None = None) -> Iterator[Pool]:
    """Connect as ``client.<user>`` and yield the pool ``name``."""
    with cluster(user, conf) as handle:
        fsid = handle.get_fsid()
        try:
            ioctx = handle.open_ioctx(name)
        except rados.ObjectNotFound as error:
            raise CloudError(
                f"the Ceph cluster {fsid} has no pool {name!r}: create it, "
                "or name an existing one in image_store.pool."
            ) from error
        with closing(ioctx, ioctx.close):
            yield Pool(handle, ioctx, fsid, name, user, conf)
