"""A domain's directory: what a stack file may say of it, and how Keystone is told. No directory is asked."""

import configparser
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

from clients.directory.login import DirectoryError, UnreachableError
from clients.directory.probe import Found
from clients.directory.search import Count
from clients.directory.settings import Named
from components.identity import domain
from components.identity.directory_renderings import domain_file, keystone_options, probe_settings
from config.directory import DirectorySpec
from config.fields import ROOT

PASSWORD = "a $strange %(password)s "
GIVEN: dict[str, Any] = {
    "url": "ldaps://ldap.corp.example",
    "ca_file": "/etc/keystone/ca.pem",
    "bind_dn": "cn=keystone,dc=corp,dc=example",
    "bind_password": {"env": "BIND_PASSWORD"},
    "user_base_dn": "ou=people,dc=corp,dc=example",
    "group_base_dn": "ou=groups,dc=corp,dc=example",
}


@pytest.fixture(autouse=True)
def bind_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIND_PASSWORD", PASSWORD)


def spec(**changed: Any) -> DirectorySpec:
    return DirectorySpec.model_validate(GIVEN | changed, context={ROOT: Path("/project")})


def test_keystone_is_told_to_verify_and_to_wait_no_longer_than_said() -> None:
    options = keystone_options(spec(timeout_s=7))
    assert options["identity"] == {"driver": "ldap"}
    assert options["ldap"]["tls_req_cert"] == "demand"
    assert options["ldap"]["pool_connection_timeout"] == "7"
    assert options["ldap"]["tls_cacertfile"] == "/etc/keystone/ca.pem"
    assert "password" not in options["ldap"]


def test_every_option_is_text_and_what_is_left_out_is_left_to_keystone() -> None:
    options = keystone_options(spec())["ldap"]
    assert {type(value) for value in options.values()} == {str}
    assert (options["use_tls"], options["group_members_are_ids"], options["page_size"]) == (
        "false",
        "false",
        "0",
    )
    assert not {"user_filter", "user_enabled_attribute", "user_enabled_mask"} & set(options)


def test_active_directory_can_be_said() -> None:
    directory = spec(
        url=["ldaps://dc1.corp.example", "ldaps://dc2.corp.example:636"],
        bind_dn="keystone@corp.example",
        user_object_class="person",
        user_filter="(&(objectCategory=person)(memberOf:1.2.840.113556.1.4.1941:=CN=cloud,DC=corp,DC=example))",
        user_id_attribute="sAMAccountName",
        user_name_attribute="sAMAccountName",
        user_enabled_attribute="userAccountControl",
        user_enabled_mask=2,
        user_enabled_default="512",
        group_object_class="group",
        page_size=500,
    )
    options = keystone_options(directory)["ldap"]
    assert options["url"] == "ldaps://dc1.corp.example,ldaps://dc2.corp.example:636"
    assert (options["user_enabled_mask"], options["user_enabled_default"]) == ("2", "512")


def test_the_file_says_the_same_as_the_api_and_the_password_comes_out_as_it_is() -> None:
    text = domain_file(spec(start_tls=True, url="ldap://ldap.corp.example"), PASSWORD)
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    message = dict(parser["ldap"])
    # oslo.config: one pair of quotes keeps blanks at the ends, $$ is a $.
    assert message.pop("password") == '"a $$strange %(password)s "'
    assert message.pop("connection_timeout") == "10"
    assert message == keystone_options(spec(start_tls=True, url="ldap://ldap.corp.example"))["ldap"]


def test_a_relative_ca_file_is_the_project_folders() -> None:
    assert spec(ca_file="etc/ca.pem").ca_file == Path("/project/etc/ca.pem")
    assert probe_settings(spec(preflight_ca_file="ca.pem")).login.ca_file == Path("/project/ca.pem")
    assert probe_settings(spec()).login.ca_file == Path("/etc/keystone/ca.pem")


def test_an_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URL", "ldaps://127.0.0.2:1636")
    assert spec(url={"env": "URL"}).url == ("ldaps://127.0.0.2:1636",)


def test_the_password_is_in_no_representation() -> None:
    assert PASSWORD not in repr(spec())
    assert PASSWORD not in repr(probe_settings(spec()))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {"url": "ldap://ldap.corp.example"},
            "would send passwords in the clear; give ldaps://, or start_tls: true",
        ),
        ({"start_tls": True}, "is to be reached with StartTLS; give ldap://"),
        ({"url": "https://ldap.corp.example"}, "is not an LDAP address; give one such as"),
        ({"url": "ldaps://ldap.corp.example/dc=corp"}, "is not an LDAP address"),
        ({"url": {"env": "NOT_SET"}}, "the environment variable NOT_SET is not set"),
        ({"user_base_dn": "people"}, "'people' is not a distinguished name; give one such as"),
        ({"group_base_dn": "ou=,dc=x"}, "is not a distinguished name"),
        ({"bind_dn": "keystone"}, "is not a distinguished name"),
        ({"user_filter": "uid=*"}, "is not a search filter; give one in brackets"),
        ({"user_filter": "(uid=*"}, "is not a search filter"),
        ({"group_filter": "(a=b))((c=d)"}, "is not a search filter"),
        ({"user_enabled_mask": 2}, "it says nothing without user_enabled_attribute"),
    ],
)
def test_a_wrong_value_gets_a_sentence(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**changed)
    assert sentence in str(caught.value)


def test_a_password_of_two_lines_is_refused_without_being_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIND_PASSWORD", "first\nsecond")
    with pytest.raises(ValidationError) as caught:
        spec()
    (error,) = caught.value.errors()
    assert "line break" in error["msg"]
    assert "first" not in error["msg"]


ADA, DEVELOPERS = Named("user", "ada"), Named("group", "developers")
FOUND = Found(Count(10, whole=True), Count(1, whole=True), ADA, ())


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([], "directory of domain corp: 10 users and 1 group"),
        ([ADA], "directory of domain corp: 10 users and 1 group; ada is found"),
        ([ADA, DEVELOPERS], "directory of domain corp: 10 users and 1 group; ada, developers are found"),
    ],
)
def test_what_was_found_is_one_line(names: list[Named], line: str) -> None:
    assert domain.described("corp", FOUND, names) == line


def test_a_count_that_was_stopped_is_told_as_such() -> None:
    assert Count(50_000, whole=False).of("user") == "more than 50000 users"


def raising(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[str]:
    def probe(*_: object) -> Found:
        raise error

    warned: list[str] = []
    monkeypatch.setattr("clients.directory.probe.probe", probe)
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: warned.append(text))
    return warned


def test_a_directory_that_is_not_reached_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    warned = raising(monkeypatch, UnreachableError("ldaps://x: Connection refused"))
    assert domain.preflight("corp", spec(), [], None) is None  # type: ignore[arg-type]
    assert warned == [
        "directory of domain corp: could not be reached from here (ldaps://x: Connection refused): not checked"
    ]


def test_a_wrong_setting_stops_the_run_with_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, DirectoryError("user_base_dn", "there is no 'ou=x'; correct it"))
    with pytest.raises(
        pulumi.RunError, match=r"domains\.directory\.user_base_dn \(corp\): there is no 'ou=x'"
    ):
        domain.preflight("corp", spec(), [], None)  # type: ignore[arg-type]
