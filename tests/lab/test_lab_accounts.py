"""What the lab's accounts may do, and what they may not."""

import json
import subprocess
import uuid

import openstack
import pytest
import rados
import rbd
from openstack.connection import Connection

from lab import secret
from lab.services import ldap
from lab.services.ldap_directory import GROUPS, PEOPLE
from lab.settings import LDAP_BASE

pytestmark = pytest.mark.nightly  # of the lab alone


@pytest.fixture
def image_import(lab):
    """The account that registers images."""
    found = openstack.config.OpenStackConfig(config_files=[str(lab.clouds)], load_envvars=False)
    with Connection(config=found.get_one("lab-image-import")) as connection:
        yield connection


def ceph(lab, name, *arguments):
    command = ["ceph", "-c", str(lab.ceph_conf), "--name", name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def another_pool(lab):
    name = f"test-{uuid.uuid4().hex[:8]}"
    assert ceph(lab, "client.admin", "osd", "pool", "create", name, "1").returncode == 0
    yield name
    ceph(lab, "client.admin", "osd", "pool", "rm", name, name, "--yes-i-really-really-mean-it")


@pytest.mark.parametrize("user", ["client.image-import", "client.glance", "client.cinder"])
def test_a_services_ceph_user_may_not_touch_another_pool(lab, another_pool, user):
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name=user) as cluster,
        cluster.open_ioctx(another_pool) as pool,
        pytest.raises(rados.PermissionError),
    ):
        pool.write_full("object", b"x")


def test_cinder_reads_images_and_may_not_change_them(lab):
    with (
        rados.Rados(conffile=str(lab.ceph_conf), name="client.cinder") as cluster,
        cluster.open_ioctx("images") as pool,
    ):
        rbd.RBD().list(pool)
        with pytest.raises(rados.PermissionError):
            pool.write_full("object", b"x")
        with pytest.raises(rbd.PermissionError):
            rbd.RBD().create(pool, "test-intruder", 4096)


@pytest.mark.parametrize("user", ["client.image-import", "client.glance", "client.cinder"])
def test_a_services_ceph_user_may_not_command_the_cluster(lab, user):
    for command in (("osd", "pool", "create", "mine", "1"), ("auth", "get", "client.admin")):
        refused = ceph(lab, user, *command)
        assert refused.returncode
        assert "EACCES" in refused.stderr


def test_a_wrong_ceph_key_is_refused(lab, tmp_path):
    keyring = tmp_path / "keyring"
    keyring.write_text(f"[client.image-import]\n\tkey = {secret.cephx_key()}\n")
    cluster = rados.Rados(
        conffile=str(lab.ceph_conf), name="client.image-import", conf={"keyring": str(keyring)}
    )
    with pytest.raises(rados.PermissionDeniedError):
        cluster.connect(timeout=10)
    cluster.shutdown()


def test_the_image_import_has_its_two_roles_and_no_admin(admin):
    user = admin.identity.find_user("image-import", domain_id="default")
    roles = {role.id: role.name for role in admin.identity.roles()}
    rows = list(admin.identity.role_assignments(user_id=user.id))
    assert sorted(roles[row.role["id"]] for row in rows) == ["member", "service"]


@pytest.mark.parametrize("name", ["placement", "nova", "cinder"])
def test_a_services_account_has_the_role_service_on_its_project_and_nothing_else(admin, name):
    user = admin.identity.find_user(name, domain_id="default")
    roles = {role.id: role.name for role in admin.identity.roles()}
    project = admin.identity.find_project("service", domain_id="default")
    rows = list(admin.identity.role_assignments(user_id=user.id))
    assert [(roles[row.role["id"]], row.scope["project"]["id"]) for row in rows] == [("service", project.id)]


@pytest.mark.parametrize("name", ["placement", "nova", "cinder"])
def test_a_services_account_may_not_make_users_networks_or_flavors(lab, name):
    login = {
        "auth_url": lab.url(lab.ports.keystone, "/v3"),
        "username": name,
        "password": secret.load(lab)[f"keystone/{name}"],
        "user_domain_name": "Default",
        "project_name": "service",
        "project_domain_name": "Default",
    }
    with Connection(auth=login, region_name="RegionOne") as service:
        for attempt in (
            lambda: service.identity.create_user(name="test-intruder", domain_id="default"),
            lambda: service.network.create_network(name="test-intruder"),
            lambda: service.compute.create_flavor(name="test-intruder", ram=1, vcpus=1, disk=1),
        ):
            with pytest.raises(openstack.exceptions.ForbiddenException):
                attempt()


BROKER_LOGIN = """
import json, sys
import amqp
try:
    with amqp.Connection(connect_timeout=5, **json.load(sys.stdin)):
        print("let in")
except amqp.exceptions.AMQPError as problem:
    print(type(problem).__name__)
"""


def broker(lab, user, password, vhost):
    """Try to log in to the broker, with the library of the services' own environment."""
    login = {"host": f"{lab.address}:{lab.ports.rabbitmq}", "userid": user, "password": password}
    return subprocess.run(
        [str(lab.venv / "bin" / "python"), "-c", BROKER_LOGIN],
        input=json.dumps(login | {"virtual_host": vhost}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout.strip()


@pytest.mark.parametrize("vhost", ["/", "nova"])
def test_the_broker_knows_no_guest(lab, vhost):
    assert broker(lab, "guest", "guest", vhost) == "AccessRefused"


def test_a_services_broker_account_may_enter_its_own_virtual_host_and_no_other(lab):
    password = secret.load(lab)["rabbitmq/nova"]
    answers = {vhost: broker(lab, "nova", password, vhost) for vhost in ("nova", "neutron", "cinder")}
    assert answers == {"nova": "let in", "neutron": "NotAllowed", "cinder": "NotAllowed"}


def test_the_image_import_may_share_an_image_and_not_publish_it(image_import):
    image = image_import.image.create_image(
        name="test-visibility",
        disk_format="raw",
        container_format="bare",
        visibility="shared",
        validate_checksum=False,
    )
    try:
        assert image_import.image.update_image(image, visibility="community").visibility == "community"
        with pytest.raises(openstack.exceptions.ForbiddenException):
            image_import.image.update_image(image, visibility="public")
    finally:
        image_import.image.delete_image(image)


def test_the_image_import_may_not_make_users_or_networks_of_the_provider(image_import):
    with pytest.raises(openstack.exceptions.ForbiddenException):
        image_import.identity.create_user(name="test-intruder", domain_id="default")
    with pytest.raises(openstack.exceptions.ForbiddenException):
        image_import.network.create_network(
            name="test-intruder", provider_network_type="vlan", provider_physical_network="physnet1"
        )


def test_the_service_account_for_ci_has_no_role_on_the_services_project(admin):
    user = admin.identity.find_user("ci-runner", domain_id="default")
    project = admin.identity.find_project("service", domain_id="default")
    assert not list(admin.identity.role_assignments(user_id=user.id, scope_project_id=project.id))


def test_a_vlan_network_gets_the_vlan_asked_for_once_and_on_a_known_physical_network_only(admin):
    def create(vlan: int):
        return admin.network.create_network(
            name="test-vlan",
            provider_network_type="vlan",
            provider_physical_network="physnet1",
            provider_segmentation_id=vlan,
        )

    network = create(987)
    try:
        assert network.provider_segmentation_id == 987
        with pytest.raises(openstack.exceptions.ConflictException):
            create(987)
    finally:
        admin.network.delete_network(network)
    with pytest.raises(openstack.exceptions.HttpException, match="no-such-network"):
        admin.network.create_network(
            name="test-vlan",
            provider_network_type="vlan",
            provider_physical_network="no-such-network",
            provider_segmentation_id=100,
        )


def search(lab, *arguments, password=None, authority=None):
    command = ["ldapsearch", "-LLL", "-x", "-H", f"ldaps://{lab.address}:{lab.ports.ldaps}"]
    if password is not None:
        command += ["-D", ldap.BIND_DN, "-y", str(password)]
    environment = {"LDAPTLS_CACERT": str(authority or ldap.authority(lab)), "LDAPTLS_REQCERT": "demand"}
    return subprocess.run(
        [*command, "-b", LDAP_BASE, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_the_bind_account_reads_people_and_groups_over_tls(lab):
    password = lab.etc / "ldap" / "bind.password"
    people = search(lab, "(objectClass=inetOrgPerson)", "uid", password=password)
    assert people.stdout.count("uid: ") == len(PEOPLE), people.stderr
    groups = search(lab, "(cn=developers)", "member", password=password)
    assert groups.stdout.count("member: ") == len(GROUPS["developers"])


def test_nobody_reads_the_directory_without_a_bind_nor_a_password_with_one(lab):
    nobody = search(lab, "(objectClass=*)")
    assert "uid:" not in nobody.stdout
    assert "Can't contact" not in nobody.stderr
    found = search(lab, "(objectClass=*)", "userPassword", password=lab.etc / "ldap" / "bind.password")
    assert found.returncode == 0
    assert "dn: uid=" in found.stdout
    assert "userPassword" not in found.stdout


def test_the_directory_is_not_trusted_without_the_labs_own_authority(lab):
    distrusted = search(lab, "(uid=ada)", authority="/etc/ssl/certs/ca-certificates.crt")
    assert distrusted.returncode
    assert "Can't contact LDAP server" in distrusted.stderr


def test_a_person_of_the_company_may_bind_with_the_peoples_password(lab):
    command = ["ldapwhoami", "-x", "-H", f"ldaps://{lab.address}:{lab.ports.ldaps}"]
    command += ["-D", PEOPLE[0].dn, "-y", str(lab.etc / "ldap" / "people.password")]
    environment = {"LDAPTLS_CACERT": str(ldap.authority(lab))}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == f"dn:{PEOPLE[0].dn}", done.stderr


def test_secrets_are_readable_by_root_only(lab):
    etc = lab.folder / "etc"
    assert etc.stat().st_mode & 0o077 == 0
    public = {"hosts.json", "known_hosts"}
    assert (etc / "secrets.json").exists()
    for path in etc.rglob("*"):
        # What a stack puts into Kolla's folder is for whoever may enter `etc`.
        of_a_stack = path.relative_to(etc).parts[0] == "kolla" and path.name != "passwords.yml"
        shown = of_a_stack or path.suffix in {".pem", ".pub"} or path.name in public
        if path.is_file() and not shown:
            assert path.stat().st_mode & 0o077 == 0, path
