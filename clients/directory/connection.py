"""A connection to an LDAP directory, verified by TLS always, with errors that say which setting is wrong.

Options are set on each connection: in libldap's global ones one directory's CA would be trusted for another's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING

import ldap

from clients.directory import tls
from clients.directory.login import DirectoryError, Login, UnreachableError

if TYPE_CHECKING:
    from ldap.ldapobject import SimpleLDAPObject

_WAITS = 4  # of libldap until it is bound: to connect, StartTLS, handshake, bind
# What Active Directory adds to "invalid credentials", by its code in "data CODE," (MS-ERREF).
_AD_REASONS = {
    "525": "there is no such account",
    "52e": "the password is wrong",
    "530": "it may not log in at this time",
    "532": "its password has expired",
    "533": "the account is disabled",
    "701": "the account has expired",
    "773": "its password has to be changed first",
    "775": "the account is locked",
}


@contextmanager
def connect(login: Login, url: str) -> Iterator["SimpleLDAPObject"]:
    """Yield a connection to the server at ``url``, bound as ``login`` says; unbind it afterwards.

    Raises:
        UnreachableError: nothing answers there from this machine, or not in time.
        DirectoryError: TLS or the login is refused.
    """
    try:
        distrust = tls.distrust(url, login.ca_file, start_tls=login.start_tls, timeout_s=login.timeout_s)
    except tls.CaFileError as error:
        hint = (
            ""
            if login.ca_setting == "preflight_ca_file"
            else ", as preflight_ca_file where it has another path"
        )
        raise DirectoryError(login.ca_setting, f"{error}{hint}") from None
    except tls.NoTlsError as error:
        raise DirectoryError("url", f"{url} answers, but {error}") from None
    except TimeoutError:
        raise UnreachableError(f"{url}: no answer within {login.timeout_s} s") from None
    except OSError as error:
        raise UnreachableError(f"{url}: {error.strerror or error}") from None
    connection = ldap.initialize(url)
    _set_options(connection, login)
    try:
        _in_time(partial(_bind, connection, login, url, distrust), login, url)
        try:
            yield connection
        finally:
            with suppress(ldap.LDAPError):
                connection.unbind_s()
    except (ldap.TIMEOUT, ldap.SERVER_DOWN) as error:
        raise UnreachableError(f"{url}: it did not answer in time or hung up ({words(error)})") from None


def _in_time(bind: Callable[[], None], login: Login, url: str) -> None:
    """Call ``bind`` in a thread of its own, which is left behind where the server hangs in libldap's handshake."""
    failures: list[Exception] = []

    def call() -> None:
        try:
            bind()
        except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits
            failures.append(error)

    thread = Thread(target=call, name=f"bind to {url}", daemon=True)
    thread.start()
    thread.join(patience_s := _WAITS * login.timeout_s)
    if thread.is_alive():
        raise UnreachableError(f"{url}: no answer within {patience_s} s")
    if failures:
        raise failures[0]


def words(error: ldap.LDAPError) -> str:
    """What the server or libldap says, without what was asked."""
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    parts = [str(details[key]) for key in ("desc", "info") if details.get(key)]
    return ": ".join(parts) or type(error).__name__


def _set_options(connection: "SimpleLDAPObject", login: Login) -> None:
    connection.protocol_version = ldap.VERSION3
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, login.timeout_s)
    connection.set_option(ldap.OPT_TIMEOUT, login.timeout_s)
    connection.timeout = login.timeout_s  # python-ldap waits for results by this one
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(login.ca_file))
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # last: makes the context of the options above


def _bind(connection: "SimpleLDAPObject", login: Login, url: str, distrust: tls.Distrust | None) -> None:
    try:
        if login.start_tls:
            connection.start_tls_s()
        connection.simple_bind_s(login.bind_dn, login.bind_password)
    except ldap.INVALID_CREDENTIALS as error:
        message = words(error)
        reason = next((text for code, text in _AD_REASONS.items() if f"data {code}," in message), None)
        raise DirectoryError(
            "bind_password",
            f"{url} refuses {login.bind_dn!r} with this password"
            + (f": {reason}" if reason else "")
            + "; correct the account or its password",
        ) from None
    except ldap.INVALID_DN_SYNTAX:
        raise DirectoryError(
            "bind_dn", f"{url} takes {login.bind_dn!r} for no distinguished name; correct it"
        ) from None
    except (ldap.SERVER_DOWN, ldap.CONNECT_ERROR) as error:
        if distrust:
            setting = login.ca_setting if distrust.fault_of_ca else "url"
            raise DirectoryError(
                setting, f"the certificate of {url} is refused: {distrust.sentence}"
            ) from None
        # The handshake before this one went well.
        raise DirectoryError(
            "url",
            f"libldap, and so Keystone, refuses the TLS connection to {url} ({words(error)}); give the name or "
            "address that is in its certificate (for localhost libldap takes the machine's own name)",
        ) from None
    except ldap.TIMEOUT:
        raise
    except ldap.LDAPError as error:
        raise DirectoryError("bind_dn", f"{url} does not let {login.bind_dn!r} in: {words(error)}") from None
