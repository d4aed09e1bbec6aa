"""How locations are registered, against a fake Glance at the REST level.

The fake proves which requests are made for which answers, and the sentences; not that a real Glance gives
those answers: tests/lab/test_rbd_image.py runs the location API for real. PATCH has no real run yet.
"""

import json

import pytest
import requests

from clients import glance
from clients.errors import CloudError, InUseError
from config.image import Image
from dynamic_providers.rbd_image import registration
from dynamic_providers.rbd_image.wanted import Wanted, declared_by

URL = "rbd://fsid/images/id/snap"
SHA512 = "f" * 128
DECLARED = Image(name="n", source="x")


def fake_glance(**answers):
    """A FakeGlance where a Connection is wanted (untyped, so that it passes for one)."""
    return FakeGlance(**answers)


class FakeGlance:
    """Answers each request with what the test lined up for it, and remembers the requests."""

    def __init__(self, **answers):
        self.answers = {key: list(value) for key, value in answers.items()}
        self.requests = []
        self.image = self

    def _answer(self, method, url, body=None):
        self.requests.append((method, url, body))
        key = f"{method}_{url.rsplit('/', 1)[-1]}" if url.endswith(("locations", "tasks")) else method
        status, content = self.answers[key].pop(0) if len(self.answers[key]) > 1 else self.answers[key][0]
        response = requests.Response()
        response.status_code = status
        response.headers["Content-Type"] = "application/json"
        response._content = b"" if content is None else json.dumps(content).encode()
        return response

    def get(self, url, **_):
        return self._answer("get", url)

    def post(self, url, json=None, **_):
        return self._answer("post", url, json)

    def patch(self, url, json=None, **_):
        return self._answer("patch", url, json)

    def delete(self, url, **_):
        return self._answer("delete", url)


ACTIVE = (200, {"id": "id", "status": "active"})
QUEUED = (200, {"id": "id", "status": "queued"})
NO_TASKS: list[tuple[int, dict[str, list[str]]]] = [(200, {"tasks": []})]
CLOSED = (403, {"message": "It's not allowed to add locations if locations are invisible."})


def test_the_location_api_gets_the_hash_and_is_polled_until_active(monkeypatch):
    monkeypatch.setattr(registration, "POLL_S", 0)
    fake = fake_glance(post_locations=[(202, None)], get=[QUEUED, ACTIVE], get_tasks=NO_TASKS)
    assert registration.register(fake, "id", URL, SHA512, 1)["status"] == "active"
    validation = {"os_hash_algo": "sha512", "os_hash_value": SHA512}
    assert fake.requests[0] == ("post", "/images/id/locations", {"url": URL, "validation_data": validation})


@pytest.mark.parametrize("status", [403, 404, 405])
def test_where_the_location_api_is_not_open_patch_adds_the_location(status):
    fake = fake_glance(post_locations=[(status, {"message": "no"})], patch=[ACTIVE], get=[ACTIVE])
    registration.register(fake, "id", URL, SHA512, 1)
    method, url, (change,) = fake.requests[1]
    assert (method, url) == ("patch", "/images/id")
    assert change["path"] == "/locations/-"
    assert change["value"]["url"] == URL
    assert change["value"]["validation_data"]["os_hash_value"] == SHA512


def test_where_neither_way_is_open_both_answers_and_the_remedy_are_named():
    fake = fake_glance(post_locations=[(403, {"message": "http store must be enabled"})], patch=[CLOSED])
    with pytest.raises(CloudError, match=r"by neither way.*role `service`.*show_multiple_locations"):
        registration.register(fake, "id", URL, None, 1)


def test_an_interrupted_runs_registration_is_waited_for(monkeypatch):
    monkeypatch.setattr(registration, "POLL_S", 0)
    fake = fake_glance(post_locations=[(409, {"message": "x"})], get=[QUEUED, ACTIVE], get_tasks=NO_TASKS)
    assert registration.register(fake, "id", URL, None, 1)["status"] == "active"


def test_a_location_that_glance_gives_up_is_an_error_that_says_what_it_does_to_the_data():
    failed = [(200, {"tasks": [{"status": "failure", "message": "not matched"}]})]
    fake = fake_glance(post_locations=[(202, None)], get=[QUEUED], get_tasks=failed)
    with pytest.raises(CloudError, match=r"not matched.*removes the RBD image"):
        registration.register(fake, "id", URL, None, 1)


def test_what_is_still_on_its_way_in_time_is_told_apart(monkeypatch):
    monkeypatch.setattr(registration, "ACTIVE_TIMEOUT_S", -1)
    fake = fake_glance(post_locations=[(202, None)], get=[QUEUED], get_tasks=NO_TASKS)
    with pytest.raises(registration.StillRegisteringError, match="goes on where it stopped"):
        registration.register(fake, "id", URL, None, 1)


def test_the_id_of_a_deleted_record_is_not_given_again():
    taken = fake_glance(post=[(409, {"message": "Image ID id already exists!"})])
    assert glance.create(taken, "id", Wanted(DECLARED, {}).fields()) is None


def test_a_record_says_of_an_image_what_was_declared():
    declared = Image(name="n", source="x", min_disk_gb=2, min_ram_mb=3, protected=True, properties={"a": "b"})
    fields = Wanted(declared, glance.owner_tags("private-cloud/dev", "first", "a" * 64)).fields()
    assert (fields["min_disk"], fields["min_ram"]) == (2, 3)
    message = declared_by({"id": "id", **fields})
    assert message == declared.model_dump(include=set(message))
    assert set(message) == {"name", "visibility", "protected", "min_disk_gb", "min_ram_mb", "properties"}


def test_only_differences_are_patched_and_foreign_properties_removed():
    declared = DECLARED.model_copy(update={"properties": {"os_distro": "debian"}})
    fields = Wanted(declared, {"private_cloud_image": "n"}).fields()
    record = {"id": "id", **fields, "name": "old", "colour": "red"}
    del record["os_distro"]
    fake = fake_glance(patch=[ACTIVE])
    glance.apply(fake, record, fields)
    assert sorted((item["op"], item["path"]) for item in fake.requests[0][2]) == [
        ("add", "/os_distro"),
        ("remove", "/colour"),
        ("replace", "/name"),
    ]


@pytest.mark.parametrize(
    ("status", "busy"),
    [*((status, False) for status in (400, 401, 405, 413, 415, 422, 429, 500)), (502, True), (503, True)],
)
def test_a_refusal_is_never_told_as_a_busy_glance(status, busy):
    response = requests.Response()
    response.status_code = status
    response._content = b'{"message": "Value is too long."}'
    with pytest.raises(CloudError) as caught:
        glance.checked(response)
    assert ("Glance is busy" in str(caught.value)) is busy


def test_nothing_is_sent_when_nothing_differs():
    fields = Wanted(DECLARED, {}).fields()
    record = {"id": "id", **fields}
    assert glance.apply(fake_glance(), record, fields) is record


def test_deleting_what_is_gone_is_success_and_what_is_in_use_is_said():
    record = {"id": "id", "name": "n", "protected": False}
    glance.delete(fake_glance(delete=[(404, {"message": "gone"})]), record)
    with pytest.raises(InUseError, match="in use"):
        glance.delete(fake_glance(delete=[(409, {"message": "in use by a clone"})]), record)
