"""Publishing and adopting images: which arguments are refused, and what is touched, without a cloud."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from openstack.exceptions import SDKException

from clients import glance
from clients.errors import CloudError, InUseError
from config.image import Image
from dynamic_providers.rbd_image import adoption, generation, publication, registration, rotation, store
from dynamic_providers.rbd_image.source import Opening
from dynamic_providers.rbd_image.wanted import Wanted
from operations import publish_image

SHA256 = "a" * 64
TAGS = {
    glance.TAG_STACK: "private-cloud/prod",
    glance.TAG_IMAGE: "debian-12",
    glance.TAG_SHA256: SHA256,
}
ARGUMENTS = {
    "--stack": "private-cloud/prod",
    "--name": "debian-12",
    "--source": "debian-12.qcow2",
    "--sha256": SHA256,
    "--cloud": "images",
    "--pool": "images",
    "--ceph-user": "image-import",
}
WANTED = Wanted(Image(name="debian-12", source="debian-12.qcow2"), TAGS)


def unwanted() -> Any:
    """In place of the source, where nothing may look at it."""
    raise AssertionError("the source was asked for")


CONTENT = Opening(unwanted, unwanted, unwanted, unwanted)


def record(image_id: str = "current", **fields: Any) -> dict[str, Any]:
    """A record as an import makes it."""
    return {
        "id": image_id,
        "status": "active",
        "disk_format": "raw",
        "owner": "a-project",
        "size": 1024,
        "created_at": "2026-01-01T00:00:00Z",
        "os_hash_value": None,
        **WANTED.fields(),
        **fields,
    }


class Cloud:
    """Glance and a pool with these records, and a note of what was done to them."""

    def __init__(self, *records: dict[str, Any], stored: store.Stored | None = None) -> None:
        self.records = {found["id"]: found for found in records}
        self.stored = stored or store.Stored(1024, snapshot=True, protected=True, sha512=None)
        self.done: list[tuple[str, str]] = []
        self.conn = SimpleNamespace(current_project_id="a-project")
        self.ioctx = None
        self.pool = SimpleNamespace(name="images")

    def location(self, image_id: str) -> str:
        return f"rbd://f/images/{image_id}/snap"


@pytest.fixture
def using(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a Cloud where Glance and RBD are."""

    def put(cloud: Cloud) -> Cloud:
        def generations(_conn: Any, owner_tags: dict[str, str]) -> list[dict[str, Any]]:
            return [
                found
                for found in cloud.records.values()
                if all(found.get(key) == value for key, value in owner_tags.items())
            ]

        def ensure(_cloud: Any, _content: Any, wanted: Wanted, _current: Any) -> dict[str, Any]:
            found = next(iter(generations(None, dict(wanted.owner_tags))), None) or record("new")
            cloud.done.append(("ensure", found["id"]))
            cloud.records[found["id"]] = found | wanted.fields()
            return cloud.records[found["id"]]

        def apply(_conn: Any, found: dict[str, Any], fields: dict[str, Any]) -> None:
            cloud.done.append(("apply", found["id"]))
            cloud.records[found["id"]] = found | fields

        def remove(_cloud: Any, found: dict[str, Any]) -> None:
            if found.get("in_use"):
                raise InUseError("in use")
            cloud.done.append(("remove", found["id"]))
            del cloud.records[found["id"]]

        @contextmanager
        def opened(*_: Any) -> Iterator[Cloud]:
            yield cloud

        monkeypatch.setattr(glance, "generations", generations)
        monkeypatch.setattr(glance, "get", lambda _conn, image_id: cloud.records.get(image_id))
        monkeypatch.setattr(glance, "apply", apply)
        monkeypatch.setattr(store, "inspect", lambda _ioctx, _name: cloud.stored)
        monkeypatch.setattr(generation, "ensure", ensure)
        monkeypatch.setattr(generation, "remove", remove)
        monkeypatch.setattr(generation, "cloud", opened)
        return cloud

    return put


def run(capsys: pytest.CaptureFixture[str], **changes: str) -> tuple[int, str, str]:
    words = [
        word
        for pair in (ARGUMENTS | {f"--{k.replace('_', '-')}": v for k, v in changes.items()}).items()
        for word in pair
    ]
    code = publish_image.main(words)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_what_was_published_is_one_json_object(using: Any, capsys: pytest.CaptureFixture[str]) -> None:
    using(Cloud())
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "glance_id": "new",
        "name": "debian-12",
        "stack": "private-cloud/prod",
        "sha256": SHA256,
        "location": "rbd://f/images/new/snap",
        "size_bytes": 1024,
        "sha512": "",
        "copied": True,
        "taken": False,
        "removed": [],
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sha256": "abc"}, "--sha256: String should match pattern"),
        ({"visibility": "secret"}, "--visibility: Input should be"),
        ({"source_format": "vmdk"}, "--source-format: Input should be"),
        ({"hash": "md5"}, "--hash: Input should be"),
        ({"keep": "0"}, "--keep 0: at least the new one is kept"),
        ({"keep": "many"}, "invalid int value"),
        ({"stack": "prod"}, "give PROJECT/STACK"),
        ({"property": "os_distro"}, "give KEY=VALUE"),
        ({"property": "status=active"}, "--property: "),
        ({"colour": "red"}, "unrecognized arguments"),
        ({"sha256sums": "SHA256SUMS"}, "not allowed with argument"),
    ],
)
def test_a_wrong_argument_is_exit_code_2_and_one_line(
    capsys: pytest.CaptureFixture[str], changes: dict[str, str], says: str
) -> None:
    code, out, err = run(capsys, **changes)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert says in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CloudError("pool 'images' is full."), 3),
        (SDKException("503"), 3),
        (registration.StillRegisteringError("not done yet."), 4),
    ],
)
def test_a_failure_is_its_exit_code_and_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(generation, "cloud", fails)
    found = run(capsys)
    assert found[:2] == (code, "")
    assert str(error) in found[2]
    assert found[2].count("\n") == 1


def test_a_published_record_is_hidden_and_says_that_it_waits(using: Any) -> None:
    cloud = using(Cloud())
    publication.publish(cloud, CONTENT, WANTED, shown=False, keep=3)
    assert (cloud.records["new"]["os_hidden"], cloud.records["new"][glance.TAG_PUBLISHED]) == (True, "true")
    publication.publish(cloud, CONTENT, WANTED, shown=True, keep=3)
    assert cloud.records["new"]["os_hidden"] is False


def test_what_the_stack_has_is_not_touched(using: Any) -> None:
    cloud = using(Cloud(record()))
    done = publication.publish(cloud, CONTENT, WANTED, shown=False, keep=1)
    assert (done.taken, done.copied, cloud.done) == (True, False, [])


def test_what_the_stack_removed_and_clones_still_hold_waits_again(using: Any) -> None:
    fields: dict[str, Any] = {glance.TAG_REMOVED: "true", "os_hidden": True}
    cloud = using(Cloud(record(**fields)))
    done = publication.publish(cloud, CONTENT, WANTED, shown=False, keep=1)
    assert (done.taken, done.copied, cloud.done) == (False, False, [("ensure", "current")])


def waiting(image_id: str, day: int, **fields: Any) -> dict[str, Any]:
    return record(
        image_id,
        created_at=f"2026-01-0{day}T00:00:00Z",
        **{glance.TAG_PUBLISHED: "true", glance.TAG_SHA256: image_id, "os_hidden": True, **fields},
    )


def test_only_the_newest_that_wait_are_kept_and_none_that_is_in_use(using: Any) -> None:
    cloud = using(
        Cloud(
            waiting("oldest", 1), waiting("used", 2, in_use=True), waiting("middle", 3), waiting("newest", 4)
        )
    )
    done = publication.publish(cloud, CONTENT, WANTED, shown=False, keep=2)
    assert done.removed == ["middle", "oldest"]
    assert set(cloud.records) == {"used", "newest", "new"}


def test_what_waits_is_no_former_generation(using: Any) -> None:
    former = record("former", **{glance.TAG_SHA256: "b" * 64})
    cloud = using(Cloud(record(), former, waiting("published", 1)))
    assert rotation.former(cloud, TAGS, "current") == [former]
    assert [found["id"] for found in generation.published(cloud, "private-cloud/prod", ["debian-12"])] == [
        "published"
    ]


def unstamped(**fields: Any) -> dict[str, Any]:
    return {key: value for key, value in record("theirs").items() if key not in TAGS} | fields


def test_adopting_adds_the_stamps_and_nothing_else(using: Any) -> None:
    cloud = using(Cloud(unstamped()))
    adoption.adopt(cloud, "theirs", WANTED)
    assert cloud.done == [("apply", "theirs")]
    assert cloud.records == {"theirs": unstamped() | TAGS}


@pytest.mark.parametrize("owner_tags", [TAGS, {glance.TAG_STACK: TAGS[glance.TAG_STACK]}])
def test_an_adoption_that_was_killed_goes_on(using: Any, owner_tags: dict[str, str]) -> None:
    cloud = using(Cloud(unstamped(**owner_tags)))
    adoption.adopt(cloud, "theirs", WANTED)
    assert cloud.records == {"theirs": unstamped() | TAGS}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"status": "queued"}, "its status is queued"),
        ({"disk_format": "qcow2"}, "its disk format is qcow2, which Ceph cannot clone"),
        ({"owner": "other"}, "it belongs to project other"),
        ({"size": 2048}, "has 1024 bytes, and Glance says 2048"),
        ({"name": "other"}, "its name is 'other', and 'debian-12' is declared"),
        ({"visibility": "public"}, "its visibility is 'public', and 'shared' is declared"),
        ({"os_distro": "debian"}, "its os_distro is 'debian', and None is declared"),
        (
            {glance.TAG_STACK: "private-cloud/dev", glance.TAG_IMAGE: "x"},
            "it is image 'x' of stack private-cloud/dev",
        ),
    ],
)
def test_what_would_have_to_be_changed_is_named_and_not_adopted(
    using: Any, fields: dict[str, Any], says: str
) -> None:
    cloud = using(Cloud(unstamped(**fields)))
    with pytest.raises(CloudError) as caught:
        adoption.adopt(cloud, "theirs", WANTED)
    assert says in str(caught.value)
    assert cloud.done == []


@pytest.mark.parametrize(("complete", "protected"), [(False, False), (True, False)])
def test_data_without_its_protected_snapshot_is_not_adopted(
    using: Any, complete: bool, protected: bool
) -> None:
    stored = store.Stored(1024, snapshot=complete, protected=protected, sha512=None)
    cloud = using(Cloud(unstamped(), stored=stored))
    with pytest.raises(CloudError, match="no protected snapshot 'snap'"):
        adoption.adopt(cloud, "theirs", WANTED)
    assert cloud.done == []


def test_an_image_that_is_not_there_is_not_adopted(using: Any) -> None:
    with pytest.raises(CloudError, match="there is no image theirs in Glance to adopt"):
        adoption.adopt(using(Cloud()), "theirs", WANTED)


@pytest.fixture
def refused_id(using: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Glance that refuses the generation's id, because it has a record of it or once had; nothing may be removed."""

    def put(*records: dict[str, Any]) -> Cloud:
        cloud: Cloud = using(Cloud(*records))
        answers = [None, record("reborn")]
        monkeypatch.setattr(glance, "create", lambda *_: answers.pop(0))
        monkeypatch.setattr(store, "remove", lambda _ioctx, image_id: cloud.done.append(("remove", image_id)))
        return cloud

    return put


ID = generation.generation_id(TAGS[glance.TAG_STACK], TAGS[glance.TAG_IMAGE], SHA256)


def test_a_run_beside_this_one_that_was_quicker_is_gone_on_with(refused_id: Any) -> None:
    cloud = refused_id(record(ID, status="queued"))
    assert generation._new_record(cloud, WANTED)["id"] == ID
    assert cloud.done == []


def test_an_image_whose_stamps_somebody_took_off_keeps_its_data(refused_id: Any) -> None:
    cloud = refused_id({key: value for key, value in record(ID).items() if key != glance.TAG_SHA256})
    with pytest.raises(CloudError, match=f"openstack image set --property {glance.TAG_SHA256}={SHA256} {ID}"):
        generation._new_record(cloud, WANTED)
    assert cloud.done == []


def test_an_id_that_glance_had_once_is_looked_up_in_the_pool_and_cleaned_there(refused_id: Any) -> None:
    cloud = refused_id()
    assert generation._new_record(cloud, WANTED)["id"] == "reborn"
    assert cloud.done == [("remove", ID)]
