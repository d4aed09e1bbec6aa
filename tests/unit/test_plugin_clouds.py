"""What Pulumi's OpenStack plugin is told of an entry of clouds.yaml. tests/lab/test_clouds_yaml.py asks a real cloud with it."""

import os
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks

from clients.clouds_yaml import entry
from clients.errors import CloudError
from clients.plugin_clouds import for_plugin, rendered
from program.openstack_provider import openstack_provider

URL = "https://cloud.example:5000/v3"
AUTH = {"auth_url": URL, "username": "a", "password": "p", "user_domain_name": "Default", "project_name": "x"}


@pytest.fixture(autouse=True)
def _nothing_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OS_CLOUD", "OS_CLIENT_SECURE_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def clouds(text: Any, name: str = "clouds.yaml") -> Path:
    path = Path(name).absolute()
    path.write_text(text if isinstance(text, str) else yaml.safe_dump({"clouds": text}), encoding="utf-8")
    return path


def test_settings_of_a_region_count() -> None:
    regions = [{"name": "R1", "values": {"auth": {"auth_url": URL}, "interface": "internal"}}]
    clouds({"a": {"auth": {key: AUTH[key] for key in AUTH if key != "auth_url"}, "regions": regions}})
    found = for_plugin("a")
    assert found["auth"]["auth_url"] == URL
    assert found["region_name"] == "R1"


def test_a_secure_file_and_a_vendors_profile_count(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = clouds({"a": {"auth": {"password": "s"}}}, "hidden.yaml")
    monkeypatch.setenv("OS_CLIENT_SECURE_FILE", str(secret))
    clouds({"a": {"profile": "auro", "auth": {"username": "u"}}})  # one of openstacksdk's own
    found = for_plugin("a")
    assert (found["auth"]["username"], found["auth"]["password"]) == ("u", "s")
    assert found["auth"]["auth_url"] == "https://api.van2.auro.io:5000/v3"
    assert found["region_name"] == "RegionOne"


def test_the_environment_is_the_entry_envvars(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in AUTH.items():
        monkeypatch.setenv(f"OS_{key.upper()}", value)
    assert for_plugin("envvars")["auth"] == AUTH
    assert yaml.safe_load(rendered())["clouds"]["envvars"]["auth"] == AUTH


def test_certificates_are_told_by_whole_paths(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    clouds({"a": {"auth": AUTH, "cacert": "~/ca.pem", "cert": "cert.pem", "key": str(tmp_path / "key.pem")}})
    found = for_plugin("a")
    assert (found["verify"], found["cacert"]) == (True, str(tmp_path / "ca.pem"))
    assert (found["cert"], found["key"]) == (str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    clouds({"a": {"auth": AUTH, "verify": False}})
    assert for_plugin("a")["verify"] is False


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {
                "auth": {
                    "auth_url": URL,
                    "user_id": "u",
                    "user_domain_name": "D",
                    "password": "p",
                    "project_id": "x",
                }
            },
            {"auth_url": URL, "user_id": "u", "password": "p", "project_id": "x"},
        ),
        (
            {"auth": {"auth_url": URL, "username": "u", "password": "p", "default_domain_id": "default"}},
            {
                "auth_url": URL,
                "username": "u",
                "password": "p",
                "user_domain_id": "default",
                "project_domain_id": "default",
            },
        ),
        (
            {
                "auth_type": "v3applicationcredential",
                "auth": {
                    "auth_url": URL,
                    "application_credential_id": "i",
                    "application_credential_secret": "s",
                },
            },
            {"auth_url": URL, "application_credential_id": "i", "application_credential_secret": "s"},
        ),
        (
            {
                "auth": {
                    "auth_url": URL,
                    "username": "u",
                    "password": "p",
                    "user_domain_id": "d",
                    "user_domain_name": "D",
                    "project_name": "x",
                    "default_domain_id": "e",
                    "default_domain_name": "E",
                }
            },
            {
                "auth_url": URL,
                "username": "u",
                "password": "p",
                "user_domain_id": "d",
                "project_name": "x",
                "project_domain_id": "e",
            },
        ),
        (
            {"auth_type": "token", "auth": {"auth_url": URL, "token": "t", "project_id": "x"}},
            {"auth_url": URL, "token": "t", "project_id": "x"},
        ),
        (
            {"auth": {"auth_url": URL, "username": "u", "password": 123, "user_domain_id": "d"}},
            {"auth_url": URL, "username": "u", "password": "123", "user_domain_id": "d"},
        ),
    ],
)
def test_each_way_to_log_in_is_told_whole(given: dict[str, Any], message: dict[str, str]) -> None:
    clouds({"a": given})
    assert for_plugin("a")["auth"] == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"auth": AUTH | {"usrname": "a"}},
            "'usrname' is not a key of auth for auth_type password; 'username' is one",
        ),
        ({"auth": AUTH, "cacert": "/none/ca.pem"}, "'/none/ca.pem' cannot be read (No such file"),
        ({"auth": AUTH | {"system_scope": "all"}}, "it has system_scope"),
        ({"auth": AUTH | {"trust_id": "t"}}, "it has trust_id"),
        ({"auth": AUTH, "network_endpoint_override": "https://n"}, "it has an endpoint_override for network"),
        ({"auth": AUTH, "volume_endpoint_override": "https://v"}, "endpoint_override for block-storage"),
        (
            {"auth": AUTH, "identity_interface": "admin"},
            "its interface for identity is 'admin' and in general 'public'",
        ),
        (
            {"auth": AUTH, "region_name": "R1", "compute_region_name": "R2"},
            "its region_name for compute is 'R2' and in general 'R1'",
        ),
        (
            {"auth": AUTH, "interface": "publik"},
            "its interface is 'publik' and none of public, internal, admin",
        ),
        (
            {
                "auth_type": "v3oidcaccesstoken",
                "auth": {"auth_url": URL, "identity_provider": "i", "protocol": "p", "access_token": "t"},
            },
            "its auth_type is v3oidcaccesstoken, and Pulumi's OpenStack plugin knows password,",
        ),
        ({"auth_type": "v3oidcpassword", "auth": AUTH}, "clouds.yaml has no usable entry 'a'"),
        ({"auth": "s3cret"}, "is not a map of keys and values"),
        (["s3cret"], "is not a map of keys and values"),
        (None, "is not a map of keys and values"),
        ({"regions": [{"values": {"auth": AUTH | {"password": "s3cret"}}}]}, "Invalid region entry"),
    ],
)
def test_what_the_plugin_cannot_do_is_one_sentence_that_names_the_entry(given: Any, message: str) -> None:
    clouds({"a": given})
    with pytest.raises(
        pulumi.RunError, match=r"openstack.cloud: clouds.yaml has no usable entry 'a'"
    ) as caught:
        openstack_provider("a")
    assert message in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["clouds: [s3cret\n", "clouds: {a: {auth: {password: 's3cret' y}}}\n"])
def test_a_file_that_is_no_yaml_is_named_and_not_shown(text: str) -> None:
    path = clouds(text)
    with pytest.raises(CloudError, match=f"{path} is no YAML from line") as caught:
        entry("a")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("variable", ["OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"])
def test_a_fifo_is_refused_and_not_waited_for(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds({"a": {"auth": AUTH}})
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.setenv(variable, str(tmp_path / "fifo"))
    with pytest.raises(CloudError, match=f"{variable} names {tmp_path}/fifo, which is a FIFO"):
        entry("a")


@pytest.mark.parametrize(
    ("given", "state"),
    [({}, {"cloud": "a"}), ({"interface": "internalURL"}, {"cloud": "a", "endpointType": "internal"})],
)
def test_the_provider_has_the_entrys_name_and_nothing_of_the_login_or_the_shell(
    given: dict[str, str], state: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"OS_REGION_NAME": "N", "OS_INSECURE": "true", "OS_ENDPOINT_TYPE": "admin"}.items():
        monkeypatch.setenv(name, value)
    clouds({"a": {"auth": AUTH, **given}})
    made: list[dict[str, Any]] = []

    class Recorder(mocks.Mocks):
        def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
            made.append(args.inputs)
            return "id", args.inputs

        def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
            raise AssertionError(args.token)

    mocks.set_mocks(Recorder(), project="private-cloud", stack="test")
    pulumi.runtime.test(lambda: openstack_provider("a").urn)()
    assert [{key: value for key, value in inputs.items() if value is not None} for inputs in made] == [state]
    assert os.environ["OS_REGION_NAME"] == "N"


def test_one_bad_entry_spoils_no_other() -> None:
    clouds(
        {
            "good": {"auth": AUTH},
            "bad": {"auth": {"nonsense": 1}},
            "none": None,
            "nobody": {"auth": AUTH, "cacert": "~nobody-here/ca.pem"},
            "number": {"auth": AUTH, "cacert": 5, "cert": 7},
            "braces": {"auth": AUTH, "region_name": "{x}"},
        }
    )
    assert set(yaml.safe_load(rendered())["clouds"]) == {"good"}


@pytest.mark.parametrize("text", ["", "clouds: x\n", "- 1\n", "{"])
def test_the_plugin_starts_without_a_usable_file(text: str) -> None:
    clouds(text)
    assert yaml.safe_load(rendered()) == {"clouds": {}}
