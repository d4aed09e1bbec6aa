"""Which clouds would copy images, told from what Glance shows. With a FAKE Glance; tests/lab asks real ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pulumi
import pytest
from keystoneauth1.exceptions import ConnectFailure
from openstack.exceptions import HttpException
from pulumi.runtime import mocks

from clients.errors import CloudError
from components.storage import cloning, image_warnings
from components.storage.cloning import Seen, copies, look
from config.image import ImageStoreSpec

HERE, INTERNAL = "https://glance.example", "http://10.0.0.5:9292"
RECORD = {"id": "i1", "name": "debian"}
BOTH: Any = ("cinder", "nova")


class Answer:
    """A response of Glance's."""

    def __init__(self, body: Any = None, status_code: int = 200) -> None:
        self.body, self.status_code = body, status_code
        self.ok = status_code < 400
        self.headers = {"content-type": "application/json"}

    def json(self) -> Any:
        return self.body


class Glance:
    """A Glance at two addresses, as its client sees it."""

    def __init__(self, *, images: list[Any], internal: Any = None, locations: int = 200) -> None:
        self.images, self.internal, self.locations = images, internal, locations
        self.image = self.session = self.config = self

    def get_endpoint(self, **catalogue: str) -> str:
        return f"{INTERNAL}/" if catalogue else f"{HERE}/v2"

    def get_region_name(self) -> str:
        return "RegionOne"

    def get(self, url: str, **_: Any) -> Answer:
        if url.startswith(INTERNAL):
            if isinstance(self.internal, Exception):
                raise self.internal
            return Answer(self.internal) if self.internal else Answer(status_code=503)
        if url.endswith("/locations"):
            return Answer([], self.locations)
        return Answer({"images": self.images})


def looked(**glance: Any) -> Seen | None:
    return look(Glance(**glance))  # type: ignore[arg-type] # a fake


@pytest.mark.parametrize(
    "shown", [{"direct_url": "rbd://f/p/i/s"}, {"locations": [{"url": "rbd://f/p/i/s"}]}]
)
def test_a_glance_that_shows_a_location_at_either_address_lets_both_clone(shown: dict[str, Any]) -> None:
    for glance in ({"images": [RECORD | shown]}, {"images": [RECORD], "internal": RECORD | shown}):
        seen = looked(**glance, locations=404)
        assert seen
        assert not list(copies(seen, BOTH))


@pytest.mark.parametrize(
    ("status", "api", "who"),
    [(200, "open", ["Nova"]), (403, "closed", ["Nova"]), (404, "absent", ["Cinder", "Nova"])],
)
def test_one_that_shows_none_has_nova_copy_and_cinder_where_there_is_no_location_api(
    status: int, api: str, who: list[str]
) -> None:
    seen = looked(images=[RECORD], internal=RECORD | {"locations": []}, locations=status)
    assert seen == Seen((HERE, INTERNAL), (), (), api)  # type: ignore[arg-type]
    message = list(copies(seen, BOTH))
    assert [sentence.partition(" ")[0] for sentence in message] == who
    assert all(f"at {HERE} and {INTERNAL} shows no location" in sentence for sentence in message)
    assert all("show_image_direct_url = true" in sentence for sentence in message)


def test_only_those_are_told_of_who_are_expected_to_clone() -> None:
    seen = Seen((HERE,), (), (), "absent")
    assert [sentence[:4] for sentence in copies(seen, ("nova",))] == ["Nova"]
    assert [sentence[:6] for sentence in copies(seen, ("cinder",))] == ["Cinder"]
    assert not list(copies(seen, ()))


@pytest.mark.parametrize("internal", [ConnectFailure("no route"), None])
def test_an_internal_address_that_does_not_answer_from_here_is_told(internal: Any) -> None:
    seen = looked(images=[RECORD], internal=internal)
    assert seen
    assert seen.silent == (INTERNAL,)
    assert f"({INTERNAL} does not answer from here)" in next(copies(seen, BOTH))


def test_without_an_image_nothing_is_known() -> None:
    assert looked(images=[]) is None


def test_a_glance_that_fails_is_an_error_of_the_cloud() -> None:
    class Broken(Glance):
        def get(self, url: str, **_: Any) -> Answer:
            raise HttpException(f"{url} is broken")

    with pytest.raises(CloudError, match="Glance does not say where images are: "):
        look(Broken(images=[]))  # type: ignore[arg-type] # a fake


STORE = {"cloud": "import", "pool": "images", "ceph_user": "import"}


def warnings_of(monkeypatch: pytest.MonkeyPatch, answer: Any, **store: Any) -> list[tuple[str, str]]:
    """What the program says where the look has this ANSWER."""
    messages: list[tuple[str, str]] = []

    @contextmanager
    def connected(_cloud: str) -> Iterator[None]:
        if isinstance(answer, Exception):
            raise answer
        yield None

    monkeypatch.setattr(image_warnings, "connect", connected)
    monkeypatch.setattr(cloning, "look", lambda _connection: True)
    monkeypatch.setattr(cloning, "copies", lambda *_: iter(answer))
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: messages.append(("warning", text)))
    mocks.set_mocks(NoResources())
    spec = ImageStoreSpec.model_validate(STORE | store)
    pulumi.runtime.test(
        lambda: pulumi.Output.from_input(
            image_warnings.warn(  # type: ignore[arg-type]
                image_warnings.copies,
                "whether they would be cloned",
                lambda text: messages.append(("info", text)),
                spec,
                None,
            )
        )
    )()
    return messages


class NoResources(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        raise AssertionError(args.name)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)


def test_a_cloud_that_would_copy_is_warned_of_and_one_that_cannot_be_asked_is_no_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert warnings_of(monkeypatch, ["Nova would copy"]) == [("warning", "images: Nova would copy")]
    assert warnings_of(monkeypatch, []) == []
    assert warnings_of(monkeypatch, ["Nova would copy"], cloned_by=[]) == []
    (message,) = warnings_of(monkeypatch, CloudError("no such account"))
    assert message == ("info", "images: whether they would be cloned was not checked: no such account")
