"""Whether a directory's server answers, and what is wrong with its certificate.

libldap gives no reason, and with GnuTLS its timeouts do not cover the handshake: Python's ssl shakes hands first.
"""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from clients import regular_file

LDAP_PORT = 389
LDAPS_PORT = 636
# ExtendedRequest 1.3.6.1.4.1.1466.20037 with message id 1 (RFC 4511, 4.14.1), in BER.
_START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
_SUCCESS = bytes.fromhex("0a0100")  # ENUMERATED 0, the result code of its answer
_EXTENDED_RESPONSE = 0x78

_EXPIRED = 10
_NOT_YET_VALID = 9
_NAME_MISMATCH = 62
_ADDRESS_MISMATCH = 64  # X509_V_ERR_* of OpenSSL


class CaFileError(Exception):
    """The CA file cannot be used."""


class NoTlsError(Exception):
    """Something answers, but does not speak TLS, or not this kind of it."""


@dataclass(frozen=True)
class Distrust:
    """Why a certificate is not trusted: the sentence, and whether another CA file would help."""

    sentence: str
    fault_of_ca: bool


def distrust(url: str, ca_file: Path, *, start_tls: bool, timeout_s: float) -> Distrust | None:
    """Shake hands with the server at ``url``; None if its certificate is right.

    Raises:
        CaFileError: ``ca_file`` cannot be read or has no certificate.
        NoTlsError: what answers speaks no TLS there.
        OSError: nothing answers, or not in time.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (LDAP_PORT if parts.scheme == "ldap" else LDAPS_PORT)
    with socket.create_connection((host, port), timeout=timeout_s) as plain:
        context = _context(ca_file)  # only now: where nothing answers, nobody needs the file
        if start_tls:
            _ask_for_tls(plain)
        try:
            with context.wrap_socket(plain, server_hostname=host):
                return None
        except ssl.SSLCertVerificationError as error:
            return _why(error, host, ca_file)
        except ssl.SSLError as error:
            raise NoTlsError(f"not with TLS ({error.reason or error}); give the port of LDAPS") from None


def _context(ca_file: Path) -> ssl.SSLContext:
    try:
        regular_file.opened(ca_file).close()
    except OSError as error:
        raise CaFileError(
            f"'{ca_file}' cannot be read here ({error.strerror}); give the CA's PEM file on this machine"
        ) from None
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except ssl.SSLError:
        raise CaFileError(f"'{ca_file}' holds no certificate; give the CA's PEM file") from None


def _ask_for_tls(plain: socket.socket) -> None:
    plain.sendall(_START_TLS)
    answer = plain.recv(4096)
    if not answer:
        raise NoTlsError("not with LDAP; give the port of LDAP, or ldaps:// without start_tls")
    if _EXTENDED_RESPONSE not in answer[:12] or _SUCCESS not in answer[:20]:
        raise NoTlsError("it refuses StartTLS; give its ldaps:// address without start_tls")


def _why(error: ssl.SSLCertVerificationError, host: str, ca_file: Path) -> Distrust:
    if error.verify_code in {_NAME_MISMATCH, _ADDRESS_MISMATCH}:
        return Distrust(
            f"it is not made out to {host!r}; give the name that is in it",
            fault_of_ca=False,
        )
    if error.verify_code == _EXPIRED:
        return Distrust("it has expired; the directory needs a new one", fault_of_ca=False)
    if error.verify_code == _NOT_YET_VALID:
        return Distrust("it is not valid yet; compare the clocks", fault_of_ca=False)
    return Distrust(
        f"the CA in '{ca_file}' did not sign it ({error.verify_message}); give the CA that did",
        fault_of_ca=True,
    )
