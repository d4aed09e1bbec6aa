"""OpenLDAP over TLS only, with a certificate authority of its own and a small company directory."""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import shutil
import socket
import ssl
from typing import TYPE_CHECKING

from lab import commands, packages
from lab.configuration import File
from lab.daemon import Daemon, UnhealthyError
from lab.services import ldap_directory
from lab.settings import LDAP_BASE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lab.settings import Lab

BIND_DN = f"cn=keystone,ou=services,{LDAP_BASE}"
DAYS = "3650"


def authority(lab: Lab) -> Path:
    """Return the CA certificate that clients have to trust."""
    return lab.etc / "ldap" / "ca.pem"


def ssha(password: str) -> str:
    """Hash a password the way slapd stores it (RFC 2307, salted SHA-1: what every slapd reads)."""
    salt = os.urandom(8)
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()


def make_certificates(lab: Lab, log: Path) -> None:
    """Make the authority and the server's certificate, once."""
    folder = lab.etc / "ldap"
    if (folder / "server.pem").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    common = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", DAYS]
    name = ["-subj", "/O=Private cloud lab/CN=Lab authority"]
    usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
    commands.logged(
        [*common, *name, *usage, "-keyout", str(folder / "ca.key"), "-out", str(authority(lab))], log
    )
    names = f"subjectAltName=IP:{lab.address},DNS:localhost"
    leaf = ["-CA", str(authority(lab)), "-CAkey", str(folder / "ca.key"), "-subj", "/CN=localhost"]
    usage = ["-addext", names, "-addext", "basicConstraints=critical,CA:FALSE"]
    fresh = folder / "server.new"
    commands.logged([*common, *leaf, *usage, "-keyout", str(folder / "server.key"), "-out", str(fresh)], log)
    fresh.replace(folder / "server.pem")


def configuration(lab: Lab) -> str:
    """Render cn=config: one database, TLS required, nothing readable without a bind."""
    etc = lab.etc / "ldap"
    return f"""dn: cn=config
objectClass: olcGlobal
cn: config
olcPidFile: {lab.run / "slapd.pid"}
olcTLSCACertificateFile: {authority(lab)}
olcTLSCertificateFile: {etc / "server.pem"}
olcTLSCertificateKeyFile: {etc / "server.key"}
olcLogLevel: none
olcSecurity: ssf=128

dn: cn=module,cn=config
objectClass: olcModuleList
cn: module
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb
olcModuleLoad: memberof

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: file:///etc/ldap/schema/core.ldif
include: file:///etc/ldap/schema/cosine.ldif
include: file:///etc/ldap/schema/inetorgperson.ldif

dn: cn=employee,cn=schema,cn=config
objectClass: olcSchemaConfig
cn: employee
olcAttributeTypes: ( 1.2.840.113556.1.4.2 NAME 'objectGUID' DESC 'bytes, as Active Directory has them'
  EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )
olcAttributeTypes: ( 1.3.6.1.4.1.4203.666.1.1 NAME 'badge' DESC 'text that cannot be searched for'
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
olcObjectClasses: ( 1.3.6.1.4.1.4203.666.1.2 NAME 'employee' SUP top AUXILIARY MAY ( objectGUID $ badge ) )

dn: olcDatabase=frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: frontend
olcAccess: to dn.base="" by * read
olcAccess: to * by * none

dn: olcDatabase=config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: config
olcAccess: to * by * none

dn: olcDatabase=mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: mdb
olcSuffix: {LDAP_BASE}
olcDbDirectory: {lab.data / "ldap" / "db"}
olcDbMaxSize: 67108864
olcDbIndex: objectClass,uid,cn,mail,member eq
olcAccess: to attrs=userPassword by anonymous auth by * none
olcAccess: to * by dn.exact="{BIND_DN}" read by * none

dn: olcOverlay=memberof,olcDatabase={{1}}mdb,cn=config
objectClass: olcOverlayConfig
objectClass: olcMemberOf
olcOverlay: memberof
"""


def prepare(lab: Lab, secrets: Mapping[str, str]) -> None:
    """Make certificates, configuration and directory, once."""
    folder = lab.data / "ldap"
    made = folder / "made"
    if made.exists():
        return
    log = lab.log / "make-ldap.log"
    make_certificates(lab, log)
    shutil.rmtree(folder, ignore_errors=True)  # a former attempt was cut off: it never ran
    for name in ("config", "db"):
        (folder / name).mkdir(parents=True)
    File(folder / "config.ldif", configuration(lab)).write()
    entries = ldap_directory.ldif(ssha(secrets["ldap/ldap-bind"]), ssha(secrets["ldap/ldap-people"]))
    File(folder / "directory.ldif", entries).write()
    slapadd = ["/usr/sbin/slapadd", "-F", str(folder / "config")]
    commands.logged([*slapadd, "-n", "0", "-l", str(folder / "config.ldif")], log)
    commands.logged([*slapadd, "-b", LDAP_BASE, "-l", str(folder / "directory.ldif")], log)
    File(lab.etc / "ldap" / "bind.dn", BIND_DN).write()
    File(lab.etc / "ldap" / "bind.password", secrets["ldap/ldap-bind"]).write()
    File(lab.etc / "ldap" / "people.password", secrets["ldap/ldap-people"]).write()
    made.touch()


def health(lab: Lab) -> str:
    """Do a TLS handshake, trusting only the lab's CA."""
    try:
        context = ssl.create_default_context(cafile=str(authority(lab)))
        with (
            socket.create_connection((lab.address, lab.ports.ldaps), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=lab.address) as secure,
        ):
            return str(secure.version())
    except OSError as problem:
        raise UnhealthyError(f"no TLS handshake ({problem})") from None


def daemons(lab: Lab) -> tuple[Daemon, ...]:
    """List the one server."""
    url = f"ldaps://{lab.address}:{lab.ports.ldaps}/"
    server = Daemon(
        name="slapd",
        command=("/usr/sbin/slapd", "-d", "none", "-F", str(lab.data / "ldap" / "config"), "-h", url),
        address=f"{lab.address}:{lab.ports.ldaps}",
        version=functools.partial(packages.version, "slapd"),
        check=functools.partial(health, lab),
        ports=(lab.ports.ldaps,),
    )
    return (server,)
