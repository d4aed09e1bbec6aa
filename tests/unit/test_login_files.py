"""clouds.yaml and openrc as text; tests/lab/test_accounts.py logs in with them."""

import subprocess

import pytest
import yaml

from clients.openstack import Entry
from components.login_files import CredentialLogin, PasswordLogin, clouds_yaml, openrc

AWKWARD = 'it\'s a "pass" word: $HOME `id` \\n #{x} é'
PERSON = PasswordLogin("nightly", "Default", AWKWARD, "development", "corp")
MACHINE = CredentialLogin("c1", "s1")
ENTRY = Entry("https://keystone.corp.example/v3", "RegionOne", "public", "/etc/ssl/corp.pem")
BARE = Entry("https://keystone.corp.example/v3", "", "public", None)


def test_clouds_yaml_gives_back_every_character_of_a_password():
    found = yaml.safe_load(clouds_yaml(ENTRY, {"a": PERSON}))["clouds"]["a"]
    assert found == {
        "auth_type": "password",
        "auth": {
            "auth_url": "https://keystone.corp.example/v3",
            "username": "nightly",
            "user_domain_name": "Default",
            "password": AWKWARD,
            "project_name": "development",
            "project_domain_name": "corp",
        },
        "region_name": "RegionOne",
        "interface": "public",
        "identity_api_version": "3",
        "cacert": "/etc/ssl/corp.pem",
    }


def test_what_the_administrators_entry_leaves_out_is_left_out():
    found = yaml.safe_load(clouds_yaml(BARE, {"a": MACHINE}))["clouds"]["a"]
    assert set(found) == {"auth_type", "auth", "interface", "identity_api_version"}


def test_a_login_to_a_domain_names_no_project():
    auth = PasswordLogin("nightly", "Default", "p", None, "corp").auth
    assert auth["domain_name"] == "corp"
    assert not [key for key in auth if "project" in key]


def environment_after(text: str, **before: str) -> dict[str, str]:
    printed = subprocess.run(
        ["sh", "-c", f"{text}\nenv -0"], env=before, capture_output=True, check=True
    ).stdout.decode()
    return {
        key: value
        for key, value in (line.split("=", 1) for line in printed.split("\0") if line)
        if key.startswith("OS_")
    }


@pytest.mark.parametrize("login", [PERSON, MACHINE], ids=["password", "credential"])
def test_an_openrc_leaves_nothing_of_another_login(login):
    stale = {
        "OS_CLOUD": "other",
        "OS_USERNAME": "x",
        "OS_PROJECT_ID": "x",
        "OS_TOKEN": "x",
        "OS_SYSTEM_SCOPE": "all",
        "OS_APPLICATION_CREDENTIAL_NAME": "x",
        "OS_CACERT": "x",
    }
    found = environment_after(openrc(BARE, {"a": login}), **stale)
    wanted = {f"OS_{key.upper()}": value for key, value in login.auth.items()}
    assert found == wanted | {
        "OS_AUTH_TYPE": login.auth_type,
        "OS_AUTH_URL": "https://keystone.corp.example/v3",
        "OS_INTERFACE": "public",
        "OS_IDENTITY_API_VERSION": "3",
    }


def test_an_openrc_is_the_first_login():
    assert "OS_APPLICATION_CREDENTIAL_ID=c1" in openrc(BARE, {"machine": MACHINE, "person": PERSON})


def test_no_representation_shows_a_secret():
    assert AWKWARD not in repr(PERSON)
    assert "s1" not in repr(MACHINE)
