"""A real Keystone that stores a domain's configuration and does not go by it: the lab's, once more, with that turned off."""

import re
import secrets
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from openstack.connection import Connection

from clients.errors import CloudError
from dynamic_providers.keystone_domain_config import domain_config
from dynamic_providers.keystone_domain_config.provider import (
    KeystoneDomainConfigArgs,
    KeystoneDomainConfigProvider,
)
from lab.services import api
from lab.settings import Lab
from tests.lab.own_directory import OwnDirectory, free_port

START_TIMEOUT_S = 60


@pytest.fixture
def ignoring_keystone(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The entry of clouds.yaml for a Keystone on the lab's database, without drivers of domains' own."""
    port = free_port(lab.address)
    text = (lab.etc / "keystone" / "keystone.conf").read_text(encoding="utf-8")
    text, count = re.subn(r"(?m)^(domain_configurations_from_database) *=.*$", r"\1 = false", text)
    assert count == 1
    (tmp_path / "keystone.conf").write_text(text, encoding="utf-8")
    environment = api.environment(lab, "keystone", ()) | {
        "OS_KEYSTONE_CONFIG_DIR": str(tmp_path),
        "OS_KEYSTONE_CONFIG_FILES": "keystone.conf",
    }
    clouds = yaml.safe_load(lab.clouds.read_text(encoding="utf-8"))
    entry = clouds["clouds"]["lab-admin"]
    entry["auth"]["auth_url"] = entry["identity_endpoint_override"] = f"http://{lab.address}:{port}/v3"
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump(clouds), encoding="utf-8")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    command = [
        *(str(lab.programs / "bin" / "uwsgi"), "--http", f"{lab.address}:{port}", "--master", "--need-app"),
        *("--module", "keystone.wsgi.api:application", "--virtualenv", str(lab.programs)),
        *("--socket", str(tmp_path / "keystone.uwsgi"), "--die-on-term", "--buffer-size", "65535"),
        *("--add-header", "Connection: close"),
    ]
    with (tmp_path / "keystone.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            answered = False
            while not answered:
                assert time.monotonic() < deadline, (tmp_path / "keystone.log").read_text(encoding="utf-8")
                with suppress(OSError):
                    urllib.request.urlopen(entry["auth"]["auth_url"], timeout=5).close()  # noqa: S310 - its own
                    answered = True
                time.sleep(0.2)
            yield "lab-admin"
        finally:
            process.terminate()
            process.wait(30)


def test_a_keystone_that_stores_a_configuration_and_ignores_it_gets_a_sentence(
    ignoring_keystone: str,
    own_directory: OwnDirectory,
    admin: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(domain_config, "USED_TIMEOUT_S", 2)
    name = f"ignored-{secrets.token_hex(3)}"
    domain = admin.identity.post("/domains", json={"domain": {"name": name}}).json()["domain"]
    path = f"/domains/{domain['id']}"
    spec = own_directory.spec
    ldap = {
        "url": spec["url"],
        "user": spec["bind_dn"],
        "tls_cacertfile": spec["ca_file"],
        "user_tree_dn": spec["user_base_dn"],
        "user_id_attribute": "uid",
        "user_name_attribute": "uid",
    }
    args = KeystoneDomainConfigArgs(
        domain_id=domain["id"],
        domain=name,
        options={"identity": {"driver": "ldap"}, "ldap": ldap},
        password=own_directory.bind_password,
        witness_name="ada",
        cloud=ignoring_keystone,
    )
    try:
        with pytest.raises(CloudError, match="does not use it: it finds no user 'ada' there"):
            KeystoneDomainConfigProvider().find_or_create(args)
        assert admin.identity.get(f"{path}/config").json()["config"]["ldap"]["url"] == spec["url"]
    finally:
        admin.identity.delete(f"{path}/config")
        admin.identity.patch(path, json={"domain": {"enabled": False}})
        admin.identity.delete(path)
