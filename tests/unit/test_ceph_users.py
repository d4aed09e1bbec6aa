"""cephx users as a stack file declares them, and what the program makes of them in Pulumi's mock engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from clients import ceph_users as users
from clients.errors import CloudError
from components.storage import ceph_users
from components.storage.ceph_users import ceph_conf, keyring, keyring_name
from config.ceph import CephLoginSpec
from config.load import SettingsError, parse
from config.settings import Settings

USER = "pulumi-python:dynamic/ceph:User"
FILES = "pulumi-python:dynamic/ceph:LoginFiles"
SECRET = "4dabf18193072939515e22adb298388d"
CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=images"}
LOGIN = {"user": "admin", "conf": "/etc/ceph/ceph.conf"}


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "image-import", "caps": CAPS} | changes


def parsed(*entries: dict[str, Any], **keys: Any) -> Settings:
    raw = {"openstack": {"cloud": "c"}, "ceph": LOGIN, "ceph_users": list(entries)} | keys
    raw = {key: value for key, value in raw.items() if value is not None}
    return parse(raw, file_name="Pulumi.test.yaml", root=Path("/project"))


def mistakes(*entries: dict[str, Any], **keys: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parsed(*entries, **keys)
    return caught.value.sentences


def test_an_entry_has_one_entity_for_each_serial_and_hands_out_the_last() -> None:
    (user,) = parsed(entry(serials=[1, 3])).ceph_users
    assert user.entities == ("image-import.1", "image-import.3")


def test_what_is_adopted_is_handed_out_where_there_is_no_serial() -> None:
    (user,) = parsed(entry(adopt="old-import", serials=[])).ceph_users
    assert user.entities == ("old-import",)
    (user,) = parsed(entry(adopt="old-import")).ceph_users
    assert user.entities == ("old-import", "image-import.1")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"serials": [2, 1]}, "[2, 1] are not serials"),
        ({"serials": [0]}, "[0] are not serials"),
        ({"serials": []}, "there is no serial"),
        ({"name": "client.glance"}, "has 'client.' before it"),
        ({"name": "../glance"}, "'../glance' is not a cephx user's name here"),
        ({"name": "two words"}, "is not a cephx user's name here"),
        ({"name": "a]b"}, "is not a cephx user's name here"),
        ({"adopt": "client.glance"}, "has 'client.' before it"),
        ({"folder": "/etc/my ceph"}, "has a character in it at which Ceph splits"),
        ({"folder": "/etc/$name"}, "has a character in it at which Ceph splits"),
        ({"caps": {"osd": "profile rbd pool=images"}}, "it is missing; give of the monitors"),
        (
            {"caps": CAPS | {"osd": "allow *"}},
            "ceph_users[0].caps.osd (image-import): 'allow *' reaches every",
        ),
        ({"caps": CAPS | {"osd": "profile rdb pool=images"}}, "did you mean 'rbd'?"),
        ({"caps": CAPS | {"rgw": "allow r"}}, "'rgw' is not a known key here"),
        ({"key": "AQ=="}, "'key' is not a known key here"),
    ],
)
def test_a_wrong_entry_is_told_in_a_sentence(changes: dict[str, Any], says: str) -> None:
    assert says in " ".join(mistakes(entry(**changes)))


def test_a_cap_that_reaches_everything_has_to_be_meant() -> None:
    wide = {"mon": "allow *", "osd": "allow *"}
    assert len(mistakes(entry(caps=wide))) == 2
    (user,) = parsed(entry(caps=wide, wide_caps=True)).ceph_users
    assert user.caps.by_kind == wide


def test_a_relative_folder_is_the_projects() -> None:
    (user,) = parsed(entry(folder=".cloud/ceph")).ceph_users
    assert user.folder == Path("/project/.cloud/ceph")


def test_users_need_the_login_that_makes_them() -> None:
    assert mistakes(entry(), ceph=None) == [
        "ceph: it is missing, and there are ceph_users; give {user}: the login that makes them, such as 'admin'"
    ]


def test_entities_folders_and_the_login_itself_are_used_once() -> None:
    message = " ".join(
        mistakes(
            entry(folder="/f"),
            entry(name="other", folder="/f", adopt="image-import.1"),
            entry(name="third", adopt="admin"),
        )
    )
    assert "client.image-import.1 is declared already at ceph_users[0]" in message
    assert "'/f' is the folder of ceph_users[0] already" in message
    assert "client.admin is the login that makes the users" in message


STORE = {"cloud": "c", "pool": "images", "ceph_user": "image-import"}


def test_an_import_that_logs_in_as_such_a_user_needs_its_folder_and_no_other_ceph_conf() -> None:
    message = mistakes(entry(), image_store=STORE | {"ceph_conf": "/etc/ceph/ceph.conf"})
    assert len(message) == 2
    assert "no folder is given there" in message[0]
    assert "leave this out" in message[1]
    parsed(entry(folder="/f"), image_store=STORE)


class Recorder(mocks.Mocks):
    def __init__(self) -> None:
        self.resources: list[mocks.MockResourceArgs] = []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.resources.append(args)
        found = (
            {"key": f"key-of-{args.name}", "fsid": "f", "mon_host": "[v2:h:1]"} if args.typ == USER else {}
        )
        return args.name, args.inputs | found

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], None]:
        return dict(args.args), None

    def of(self, kind: str) -> list[mocks.MockResourceArgs]:
        return [resource for resource in self.resources if resource.typ == kind]


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> tuple[Recorder, dict[str, Any]]:
    recorder = Recorder()
    outputs: dict[str, Any] = {}
    monkeypatch.setattr(ceph_users, "look_at_the_login", lambda *_: None)

    def program() -> None:
        for user in ceph_users.make_ceph_users(settings).values():
            for name, text in user.login_files.items():
                text.apply(partial(outputs.__setitem__, name))

    mocks.set_mocks(recorder, project="private-cloud", stack="test")
    pulumi.runtime.test(program)()
    return recorder, outputs


def test_each_serial_is_a_user_of_its_own_with_the_same_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = run(parsed(entry(serials=[1, 2], adopt="old-import")), monkeypatch)
    users = {args.inputs["user"]: args.inputs for args in made.of(USER)}  # registered in any order
    assert {name: (inputs["adopted"], inputs["caps"]) for name, inputs in users.items()} == {
        "old-import": (True, CAPS),
        "image-import.1": (False, CAPS),
        "image-import.2": (False, CAPS),
    }
    assert made.of(FILES) == []


def test_what_is_handed_out_is_the_last_key(monkeypatch: pytest.MonkeyPatch) -> None:
    _, outputs = run(parsed(entry(serials=[1, 2])), monkeypatch)
    assert outputs["ceph/image-import/keyring"] == keyring("image-import.2", "key-of-image-import.2")
    assert outputs["ceph/image-import/ceph.conf"] == "[global]\nfsid = f\nmon_host = [v2:h:1]\n"


def test_the_folder_gets_ceph_conf_and_every_live_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = run(parsed(entry(serials=[1, 2], folder="/f")), monkeypatch)
    (files,) = made.of(FILES)
    assert SECRET in files.inputs["texts"]  # how the engine is told
    assert files.inputs["texts"]["value"] == {
        "ceph.conf": ceph_conf("f", "[v2:h:1]", "/f"),
        "ceph.client.image-import.1.keyring": keyring("image-import.1", "key-of-image-import.1"),
        "ceph.client.image-import.2.keyring": keyring("image-import.2", "key-of-image-import.2"),
    }


def test_ceph_conf_leads_its_clients_to_the_folder() -> None:
    assert ceph_conf("f", "h", "/f").endswith("[client]\nkeyring = /f/$cluster.$name.keyring\n")
    assert keyring_name("a.1") == "ceph.client.a.1.keyring"


@contextmanager
def refused(_login: str, _conf: str | None) -> Iterator[None]:
    raise users.NoRightsError("client.x may not make cephx users.")
    yield


@contextmanager
def unreachable(_login: str, _conf: str | None) -> Iterator[None]:
    raise CloudError("no monitor answers")
    yield


def test_a_login_without_the_right_is_told_at_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users, "connected", refused)
    with pytest.raises(pulumi.RunError, match=r"^ceph.user: client.x may not make cephx users. Nothing was"):
        ceph_users.look_at_the_login(CephLoginSpec(), None)  # type: ignore[arg-type]


def test_a_ceph_that_does_not_answer_from_here_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: list[str] = []
    monkeypatch.setattr(users, "connected", unreachable)
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: messages.append(text))
    ceph_users.look_at_the_login(CephLoginSpec(), None)  # type: ignore[arg-type]
    assert messages == ["ceph: could not be asked from here (no monitor answers): not checked"]
