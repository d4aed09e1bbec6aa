"""What the lab writes for its services."""

import base64
import configparser
import hashlib
import json
import shlex
import stat

import pytest

from lab import accounts, bring_up, secret, supervisor
from lab.configuration import File, ini
from lab.daemon import Daemon
from lab.qemu import plan as qemu
from lab.services import (
    ceph_configuration,
    cinder,
    keystone,
    ldap,
    ldap_directory,
    mariadb,
    neutron,
    nova,
    rabbitmq,
)
from lab.settings import Lab


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setattr(qemu, "lacking", lambda _: None)  # whatever this machine lacks for lab-qemu
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
    for name in ("client.admin", "client.glance", "client.cinder", "client.image-import"):
        keyring = parsed(file)[name]["keyring"]
        assert " " not in keyring, "Ceph would read it as two"
        assert keyring in {str(entry.path) for entry in ceph_configuration.keyrings(lab, secrets)}


def test_the_image_import_may_use_its_pool_and_learn_which_volumes_and_disks_are_clones():
    assert ceph_configuration.CAPS["client.image-import"] == {
        "mon": "profile rbd",
        "osd": "profile rbd pool=images, allow class-read pool=volumes object_prefix rbd_, "
        "allow class-read pool=vms object_prefix rbd_",
    }


def test_cinder_writes_volumes_and_only_reads_images():
    caps = ceph_configuration.CAPS["client.cinder"]
    assert caps["mon"] == "profile rbd"
    assert caps["osd"] == caps["mgr"] == "profile rbd pool=volumes, profile rbd-read-only pool=images"


def test_every_service_listens_on_the_labs_address_only(lab, secrets):
    lab = Lab(root=lab.root, links=lab.links, address="127.0.0.5")
    assert parsed(mariadb.conf(lab))["mariadbd"]["bind-address"] == "127.0.0.5"
    assert parsed(ceph_configuration.conf(lab, secrets))["global"]["public addr"] == "127.0.0.5"
    http = [
        list(daemon.command)
        for daemon in bring_up.all_daemons(lab, secrets)
        if daemon.command[0].endswith("/uwsgi")
    ]
    assert len(http) == 7
    assert all(command[command.index("--http") + 1].startswith("127.0.0.5:") for command in http)
    assert "listeners.tcp.1 = 127.0.0.5:5673\n" in rabbitmq.files(lab, secrets)[0].text
    (broker,) = rabbitmq.daemons(lab, secrets)
    erlang = broker.environment["ERL_FLAGS"]
    assert "inet_dist_use_interface {127,0,0,5}" in erlang
    assert "-start_epmd false" in erlang
    (slapd,) = ldap.daemons(lab)
    assert slapd.command[-1] == "ldaps://127.0.0.5:1636/"


def test_no_daemons_arguments_carry_a_secret(lab, secrets):
    daemons = bring_up.all_daemons(lab, secrets)
    assert len(daemons) > 10
    assert secrets
    for daemon in daemons:
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


def test_only_the_service_role_is_given_but_to_the_import_also_member_and_to_neutron_admin():
    given = {account.name: account.roles for account in accounts.ACCOUNTS}
    assert given == {
        "glance": ("service",),
        "neutron": ("service", "admin"),
        "placement": ("service",),
        "nova": ("service",),
        "cinder": ("service",),
        "image-import": ("service", "member"),
        "ci-runner": (),
    }


def test_the_broker_has_an_account_and_a_virtual_host_for_each_service_and_no_guest(lab, secrets):
    definitions = json.loads(rabbitmq.files(lab, secrets)[1].text)
    names = ["neutron", "nova", "cinder"]
    assert [user["name"] for user in definitions["users"]] == names
    assert [vhost["name"] for vhost in definitions["vhosts"]] == names
    assert [(row["user"], row["vhost"]) for row in definitions["permissions"]] == [(n, n) for n in names]
    assert not any(secrets[f"rabbitmq/{name}"] in json.dumps(definitions) for name in names)


def test_a_password_is_hashed_as_the_broker_hashes_it():
    salted = base64.b64decode(rabbitmq.password_hash("nova", "secret"))
    assert salted[4:] == hashlib.sha256(salted[:4] + b"secret").digest()


def test_the_compute_host_and_the_agents_have_no_way_into_a_database(lab, secrets):
    def with_a_way_in(files):
        return [
            file
            for file in files
            if any(secrets[f"mariadb/{name}"] in file.text for name in mariadb.DATABASES)
        ]

    assert with_a_way_in(nova.files(lab, secrets)), "so a way would be seen"
    compute, agents = nova.compute_files(lab, secrets), neutron.agent_files(lab, secrets)
    assert compute
    assert agents
    assert with_a_way_in([*compute, *agents]) == []


def test_nova_and_cinder_show_their_own_token_beside_their_callers(lab, secrets):
    of_nova, of_cinder = (
        (*nova.files(lab, secrets), *nova.compute_files(lab, secrets)),
        cinder.files(lab, secrets),
    )
    assert of_nova
    assert of_cinder
    for file in (*of_nova, *of_cinder):
        assert parsed(file)["service_user"]["send_service_user_token"] == "true"


def test_the_directory_has_every_member_it_names():
    known = {person.uid for person in ldap_directory.PEOPLE}
    named = {member for members in ldap_directory.GROUPS.values() for member in members}
    assert named
    assert named <= known


def test_a_name_that_is_not_ascii_goes_into_ldif_as_base64():
    text = ldap_directory.ldif("{SSHA}a", "{SSHA}b")
    assert text.isascii()
    assert "cn:: SW7DqnMgQ2FydmFsaG8=" in text
