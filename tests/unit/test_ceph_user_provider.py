"""The cephx user's provider, against fake monitors in place of Ceph's; tests/lab/test_ceph_users.py asks real ones."""

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clients import ceph
from clients import ceph_users as users
from clients.errors import CloudError
from dynamic_providers.ceph_user.provider import CephUser, CephUserArgs, CephUserOutputs, CephUserProvider

CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=images"}
INPUTS: dict[str, Any] = {
    "user": "image-import.1",
    "caps": CAPS,
    "adopted": False,
    "login": "user-maker",
    "owner_stack": "private-cloud/dev",
}
provider = CephUserProvider()


def create(**changes: Any) -> tuple[str, dict[str, Any]]:
    """Its id and its state, as the engine keeps it."""
    made = provider.create(INPUTS | changes)
    assert made.outs is not None
    return made.id, made.outs


class Monitors:
    """What Ceph's monitors do with the commands that are sent here; they answer as 16.2 was seen to."""

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.sent: list[str] = []
        self.made = 0
        self.dies_before: str | None = None
        self.forbidden: set[str] = set()

    def mon_command(self, text: str, given: bytes, timeout: int) -> tuple[int, bytes, str]:
        assert (given, timeout) == (b"", 30)
        self.sent.append(text)
        data = json.loads(text)
        prefix = data["prefix"]
        if prefix == self.dies_before:
            raise KeyboardInterrupt
        if prefix in self.forbidden:
            return -errno.EACCES, b"", "access denied"
        answer = getattr(self, prefix.replace(" ", "_").replace("-", "_"))(data)
        if isinstance(answer, int):
            return answer, b"", f"no {data}"
        return 0, answer.encode() if isinstance(answer, str) else json.dumps(answer).encode(), ""

    def auth_get(self, data: dict[str, Any]) -> Any:
        found = self.users.get(data["entity"])
        return [{"entity": data["entity"], **found}] if found else -errno.ENOENT

    def auth_get_or_create(self, data: dict[str, Any]) -> Any:
        self.made += 1
        self.users[data["entity"]] = {"key": f"key-{self.made}", "caps": paired(data["caps"])}
        return self.auth_get(data)

    def auth_caps(self, data: dict[str, Any]) -> Any:
        if data["entity"] not in self.users:
            return -errno.ENOENT
        self.users[data["entity"]]["caps"] = paired(data["caps"])
        return ""

    def auth_rm(self, data: dict[str, Any]) -> Any:
        self.users.pop(data["entity"], None)
        return ""

    def config_key_get(self, data: dict[str, Any]) -> Any:
        return self.keys.get(data["key"], -errno.ENOENT)

    def config_key_set(self, data: dict[str, Any]) -> Any:
        self.keys[data["key"]] = data["val"]
        return ""

    def config_key_rm(self, data: dict[str, Any]) -> Any:
        self.keys.pop(data["key"], None)
        return ""

    def mon_dump(self, _request: dict[str, Any]) -> Any:
        addresses = [{"type": "v2", "addr": "10.0.0.1:3300"}, {"type": "v1", "addr": "10.0.0.1:6789"}]
        return {"fsid": "an-fsid", "mons": [{"public_addrs": {"addrvec": addresses}}] * 2}


def paired(words: list[str]) -> dict[str, str]:
    return dict(zip(words[::2], words[1::2], strict=True))


@pytest.fixture
def monitors(monkeypatch: pytest.MonkeyPatch) -> Monitors:
    found = Monitors()

    @contextmanager
    def cluster(user: str, conf: str | None = None) -> Iterator[Monitors]:
        assert (user, conf) == ("user-maker", None)
        yield found

    monkeypatch.setattr(ceph, "cluster", cluster)
    return found


def test_a_user_is_made_with_its_caps_and_its_key_is_an_output(monitors: Monitors) -> None:
    id_, state = create()
    assert id_ == "image-import.1"
    assert state["key"] == "key-1"
    assert state["fsid"] == "an-fsid"
    assert state["mon_host"] == " ".join(["[v2:10.0.0.1:3300,v1:10.0.0.1:6789]"] * 2)
    assert monitors.users["client.image-import.1"]["caps"] == CAPS


def test_no_command_has_a_key_in_it(monitors: Monitors) -> None:
    id_, state = create()
    provider.update(id_, state, INPUTS | {"caps": {"mon": "allow r"}})
    provider.read(id_, state)
    provider.delete(id_, state)
    assert not [text for text in monitors.sent if "key-1" in text]


@pytest.mark.parametrize("step", ["config-key set", "auth get-or-create", "mon dump"])
def test_killed_at_any_step_the_next_create_goes_on_with_the_same_user(monitors: Monitors, step: str) -> None:
    monitors.dies_before = step
    with pytest.raises(KeyboardInterrupt):
        provider.create(INPUTS)
    monitors.dies_before = None
    _, state = create()
    assert (monitors.made, state["key"]) == (1, "key-1")


def test_a_killed_creates_user_gets_the_caps_that_are_declared_by_then(monitors: Monitors) -> None:
    monitors.dies_before = "mon dump"
    with pytest.raises(KeyboardInterrupt):
        provider.create(INPUTS)
    monitors.dies_before = None
    provider.create(INPUTS | {"caps": {"mon": "allow r"}})
    assert monitors.users["client.image-import.1"] == {"key": "key-1", "caps": {"mon": "allow r"}}


@pytest.mark.parametrize(
    ("stamp", "whose"), [(None, "somebody else"), ("private-cloud/prod", "stack private-cloud/prod")]
)
def test_a_user_that_this_stack_did_not_make_is_left_alone(
    monitors: Monitors, stamp: str | None, whose: str
) -> None:
    monitors.users["client.image-import.1"] = {"key": "theirs", "caps": CAPS}
    if stamp:
        monitors.keys[f"{users.OWNER_PREFIX}image-import.1"] = stamp
    with pytest.raises(CloudError, match=f"belongs to {whose}") as caught:
        provider.create(INPUTS)
    assert "theirs" not in str(caught.value)
    assert monitors.users["client.image-import.1"] == {"key": "theirs", "caps": CAPS}


def test_adopting_takes_the_key_as_it_is_and_changes_nothing(monitors: Monitors) -> None:
    monitors.users["client.image-import.1"] = {"key": "theirs", "caps": CAPS}
    id_, state = create(adopted=True)
    assert state["key"] == "theirs"
    assert monitors.keys == {}
    assert not provider.diff(id_, state, INPUTS | {"adopted": True}).changes


def test_adopting_refuses_other_caps_and_what_is_not_there(monitors: Monitors) -> None:
    with pytest.raises(CloudError, match=r"there is no client.image-import.1 to adopt"):
        provider.create(INPUTS | {"adopted": True})
    monitors.users["client.image-import.1"] = {"key": "theirs", "caps": {"mon": "allow *"}}
    with pytest.raises(CloudError, match=r"has the caps mon 'allow \*', and mon 'profile rbd' osd"):
        provider.create(INPUTS | {"adopted": True})


def test_what_was_adopted_stays_when_it_is_dropped(
    monitors: Monitors, capsys: pytest.CaptureFixture[str]
) -> None:
    monitors.users["client.image-import.1"] = {"key": "theirs", "caps": CAPS}
    id_, state = create(adopted=True)
    provider.delete(id_, state)
    assert "client.image-import.1" in monitors.users
    assert "`ceph auth rm client.image-import.1` removes it" in capsys.readouterr().err


def test_other_caps_are_given_in_place_and_the_key_stays(monitors: Monitors) -> None:
    id_, state = create()
    wanted = INPUTS | {"caps": {"mon": "allow r"}}
    assert not provider.diff(id_, state, wanted).replaces
    changed = provider.update(id_, state, wanted)
    assert changed.outs is not None
    assert changed.outs["key"] == "key-1"
    assert monitors.users["client.image-import.1"]["caps"] == {"mon": "allow r"}


def test_a_refresh_finds_caps_and_keys_that_somebody_changed(monitors: Monitors) -> None:
    id_, state = create()
    monitors.users["client.image-import.1"] = {"key": "other", "caps": {"mon": "allow *"}}
    read = provider.read(id_, state)
    assert read.outs is not None
    assert read.outs["key"] == "other"
    assert provider.diff(id_, read.outs, INPUTS).changes


def test_a_user_that_is_gone_is_gone_and_its_removal_a_success(monitors: Monitors) -> None:
    id_, state = create()
    monitors.users.clear()
    assert provider.read(id_, state).id == ""
    with pytest.raises(CloudError, match="pulumi up --refresh"):
        provider.update(id_, state, INPUTS | {"caps": {"mon": "allow r"}})
    provider.delete(id_, state)
    provider.delete(id_, state)
    assert monitors.keys == {}


@pytest.mark.parametrize("prefix", ["auth get", "config-key get", "config-key set", "auth get-or-create"])
def test_a_login_that_may_not_is_told_with_the_caps_it_needs(monitors: Monitors, prefix: str) -> None:
    monitors.forbidden = {prefix}
    with pytest.raises(users.NoRightsError) as caught:
        provider.create(INPUTS)
    assert str(caught.value).startswith(
        f"client.user-maker may not make cephx users (`ceph {prefix}` failed: access"
    )
    assert f"`ceph auth caps client.user-maker mon '{users.RIGHTS}'`" in str(caught.value)


@pytest.mark.parametrize("prefix", ["auth caps", "config-key rm"])
def test_the_look_at_the_logins_rights_changes_nothing(monitors: Monitors, prefix: str) -> None:
    with users.connected("user-maker", None) as handle:
        users.refuse_without_rights(handle)
    assert (monitors.users, monitors.keys) == ({}, {})
    monitors.forbidden = {prefix}
    with pytest.raises(users.NoRightsError), users.connected("user-maker", None) as handle:
        users.refuse_without_rights(handle)


@pytest.mark.parametrize("name", ["", "../x", "a b", "a/b", "a\nb", "a]", ".hidden", "-x", "é", "x" * 129])
def test_a_name_that_could_be_something_else_in_a_file_is_refused(name: str) -> None:
    assert provider.check({}, INPUTS | {"user": name}).failures


def test_no_representation_shows_a_key() -> None:
    assert "secret" not in repr(users.User("a", "secret", {}))
    assert "secret" not in repr(CephUserOutputs(key="secret", fsid="f", mon_host="m"))


def test_another_name_is_another_user() -> None:
    assert provider.diff("image-import.1", INPUTS, INPUTS | {"user": "image-import.2"}).replaces == ["user"]


def test_every_field_says_once_what_its_change_does_or_is_updated_in_place() -> None:
    kinds = (provider.replace_on, provider.connection_fields, provider.create_only_fields)
    assert set(CephUserArgs.model_fields) - frozenset().union(*kinds) == {"caps"}
    assert sum(map(len, kinds)) + 1 == len(CephUserArgs.model_fields)


def test_names_in_state_and_in_ceph_are_a_schema() -> None:
    assert CephUser._resource_type_name == "dynamic/ceph:User"
    assert CephUserProvider.__module__ == "dynamic_providers.ceph_user.provider"
    assert CephUserProvider.__qualname__ == "CephUserProvider"
    assert users.OWNER_PREFIX == "private-cloud/ceph-users/"
