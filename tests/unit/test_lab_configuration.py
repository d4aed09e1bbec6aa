"""What the lab writes for its services."""

import configparser
import json
import shlex
import stat

import pytest

from lab import accounts, secret, supervisor
from lab.configuration import File, ini
from lab.daemon import Daemon
from lab.services import ceph_configuration, glance, keystone, ldap, ldap_directory, mariadb, neutron
from lab.settings import Lab


@pytest.fixture
def lab(tmp_path):
    made = Lab(root=tmp_path / "a folder", links=tmp_path)
    made.link()
    return made


@pytest.fixture
def secrets(lab):
    return secret.load(lab)


def parsed(file: File) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, allow_no_value=True)
    parser.read_string(file.text)
    return parser


def test_every_secret_is_made_once_and_only_root_reads_it(lab, secrets):
    assert secret.load(lab) == secrets
    assert stat.S_IMODE((lab.etc / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((lab.folder / "etc").stat().st_mode) == 0o700
    assert len(set(secrets.values())) == len(secrets)


def test_a_file_is_written_only_when_it_differs(lab):
    file = File(lab.etc / "x" / "some.conf", "one\n")
    assert [file.write(), file.write()] == [True, False]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


def test_an_option_without_a_value_differs_from_an_empty_one():
    assert ini({"a": {"flag": None, "empty": "", "yes": True}}).splitlines()[1:] == [
        "[a]",
        "flag",
        "empty =",
        "yes = true",
    ]


def test_ceph_demands_cephx_of_everybody(lab, secrets):
    conf = parsed(ceph_configuration.conf(lab, secrets))["global"]
    assert [conf[f"auth {who} required"] for who in ("cluster", "service", "client")] == ["cephx"] * 3


def test_ceph_conf_has_no_key_and_names_a_keyring_for_every_client(lab, secrets):
    file = ceph_configuration.conf(lab, secrets)
    assert not any(key in file.text for name, key in secrets.items() if name.startswith("cephx/"))
    for name in ("client.admin", "client.glance", "client.image-import"):
        keyring = parsed(file)[name]["keyring"]
        assert " " not in keyring, "Ceph would read it as two"
        assert keyring in {str(entry.path) for entry in ceph_configuration.keyrings(lab, secrets)}


def test_the_image_import_may_use_its_pool_and_nothing_else():
    assert ceph_configuration.CAPS["client.image-import"] == {
        "mon": "profile rbd",
        "osd": "profile rbd pool=images",
    }


def test_every_service_listens_on_the_labs_address_only(lab, secrets):
    lab = Lab(root=lab.root, links=lab.links, address="127.0.0.5")
    assert parsed(mariadb.conf(lab))["mariadbd"]["bind-address"] == "127.0.0.5"
    assert parsed(ceph_configuration.conf(lab, secrets))["global"]["public addr"] == "127.0.0.5"
    for daemon in (
        *keystone.daemons(lab, secrets),
        *glance.daemons(lab, secrets),
        *neutron.daemons(lab, secrets),
    ):
        command = list(daemon.command)
        assert command[command.index("--http") + 1].startswith("127.0.0.5:")
    (slapd,) = ldap.daemons(lab)
    assert slapd.command[-1] == "ldaps://127.0.0.5:1636/"


def test_no_daemons_arguments_carry_a_secret(lab, secrets):
    daemons = (*keystone.daemons(lab, secrets), *glance.daemons(lab, secrets), *neutron.daemons(lab, secrets))
    for daemon in (*daemons, *mariadb.daemons(lab), *ldap.daemons(lab)):
        shown = " ".join([*daemon.command, *daemon.environment.values()])
        assert not any(value in shown for value in secrets.values())


def test_a_changed_configuration_means_another_way_of_running(lab, secrets):
    (before,) = keystone.daemons(lab, secrets)
    (after,) = keystone.daemons(lab, secrets | {"mariadb/keystone": "other"})
    assert before.digest() != after.digest()
    assert before.digest() == keystone.daemons(lab, secrets)[0].digest()


def test_supervisord_reads_back_the_command_it_is_given(lab):
    command = ("/a folder/program", "--format=%d", 'say "hi"')
    text = supervisor.rendered(lab, [Daemon("one", command, "x", version=str, check=str)])
    section = parsed(File(lab.etc / "x", text))["program:one"]
    assert tuple(shlex.split(section["command"].replace("%%", "%")))[-3:] == command
    assert section["autostart"] == "false"
    assert section["autorestart"] == "true"


def test_every_account_is_qualified_by_its_domain(lab, secrets):
    clouds = json.loads(accounts.clouds(lab, secrets).text)["clouds"]
    assert set(clouds) == {"lab-admin", "lab-image-import", "lab-ci-runner"}
    for cloud in clouds.values():
        assert cloud["auth"]["user_domain_name"] == "Default"
        assert cloud["auth"]["project_domain_name"]


def test_only_the_service_role_is_given_and_to_the_import_also_member():
    given = {account.name: account.roles for account in accounts.ACCOUNTS}
    assert given == {
        "glance": ("service",),
        "neutron": ("service",),
        "image-import": ("service", "member"),
        "ci-runner": (),
    }


def test_the_directory_has_every_member_it_names():
    known = {person.uid for person in ldap_directory.PEOPLE}
    assert all(known.issuperset(members) for members in ldap_directory.GROUPS.values())


def test_a_name_that_is_not_ascii_goes_into_ldif_as_base64():
    text = ldap_directory.ldif("{SSHA}a", "{SSHA}b")
    assert text.isascii()
    assert "cn:: SW7DqnMgQ2FydmFsaG8=" in text
