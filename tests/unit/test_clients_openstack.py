"""What is wrong with an entry of clouds.yaml is a sentence, before any network."""

import json

import pytest
import requests
from keystoneauth1 import exceptions

from clients.clouds_yaml import entry
from clients.errors import CloudError
from clients.openstack import Login, answered, connect

CLOUDS = """
clouds:
  whole: {auth: {auth_url: "https://cloud.example:5000/v3", username: a, password: b}, region_name: R1}
  no-password: {auth: {auth_url: "https://cloud.example:5000/v3", username: a, user_domain_name: Default}}
  no-address: {auth: {username: a, password: b}}
  no-such-way: {auth_type: carrier-pigeon, auth: {auth_url: "https://cloud.example:5000/v3"}}
"""


@pytest.fixture(autouse=True)
def _clouds(tmp_path, monkeypatch):
    path = tmp_path / "clouds.yaml"
    path.write_text(CLOUDS, encoding="utf-8")
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    monkeypatch.delenv("OS_CLOUD", raising=False)


@pytest.mark.parametrize(
    ("cloud", "expected"),
    [
        ("no-password", "clouds.yaml has no usable entry 'no-password': it has no password."),
        ("no-address", "clouds.yaml has no usable entry 'no-address'"),
        ("no-such-way", "The plugin carrier-pigeon could not be found"),
        ("missing", "Cloud missing was not found. Correct it, name another one"),
    ],
)
def test_an_unusable_entry_is_named_with_what_is_wrong(cloud, expected):
    with pytest.raises(CloudError) as caught, connect(cloud):
        pass
    assert expected in str(caught.value)


def test_an_entry_says_where_the_cloud_is_and_not_whose_login_it_is():
    assert entry("whole").auth_url == "https://cloud.example:5000/v3"
    assert entry("whole").region == "R1"
    assert entry("whole").interface == "public"
    assert not {"a", "b"} & {*vars(entry("whole")).values()}, "the account's name and password"


def test_a_login_does_not_show_its_password():
    assert "s3cret" not in repr(Login("user", "s3cret", "project"))


class Connected:
    """A connection that is there; nothing is asked of it."""

    def __init__(self, **_settings):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        return None

    def authorize(self):
        return None


def test_a_cloud_that_stops_answering_in_mid_call_is_a_sentence(monkeypatch):
    monkeypatch.setattr("openstack.connection.Connection", Connected)
    with (
        pytest.raises(CloudError, match="cloud 'whole' did not answer a request: reset by peer"),
        connect("whole"),
    ):
        raise exceptions.ConnectFailure("reset by peer")


def test_what_the_caller_does_wrong_stays_what_it_is(monkeypatch):
    monkeypatch.setattr("openstack.connection.Connection", Connected)
    with pytest.raises(KeyError), connect("whole"):
        raise KeyError


def answer(status, body):
    response = requests.Response()
    response.status_code = status
    response.reason = "Conflict"
    response._content = b"" if body is None else json.dumps(body).encode()
    return response


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "It is in use.", "code": 409}},
        {"NeutronError": {"type": "InUse", "message": "It is in use."}},
        {"conflictingRequest": {"code": 409, "message": "It is in use."}},
        {"errors": [{"status": 409, "detail": "It is in use.\n\n"}]},
    ],
    ids=["Keystone", "Neutron", "Nova", "Placement"],
)
def test_a_refusal_is_told_in_the_services_own_words(body):
    with pytest.raises(CloudError, match=r"^Nova refused to delete it: 409, It is in use\.$"):
        answered(answer(409, body), "Nova", "delete it")


@pytest.mark.parametrize("body", [None, [], {}, {"errors": []}, {"a": 1, "b": 2}, {"a": "no words"}, "text"])
def test_a_refusal_without_words_is_told_by_its_status(body):
    with pytest.raises(CloudError, match="Nova refused to delete it: 409, Conflict"):
        answered(answer(409, body), "Nova", "delete it")


def test_an_answer_is_its_body_and_empty_where_it_has_none():
    assert answered(answer(200, {"agents": []}), "Neutron", "list") == {"agents": []}
    assert answered(answer(204, None), "Neutron", "delete") == {}
