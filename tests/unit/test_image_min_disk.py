"""A minimal disk that is smaller than the image is refused before the source is hashed or anything is written; no cloud."""

from types import SimpleNamespace
from typing import Any

import pytest

from clients import glance
from clients.errors import CloudError
from config.image import Image
from dynamic_providers.rbd_image import generation, locations, pool_capacity
from dynamic_providers.rbd_image.reading import Source
from dynamic_providers.rbd_image.source import Opening
from dynamic_providers.rbd_image.wanted import Wanted

GIB = 1 << 30
CLOUD: Any = SimpleNamespace(conn=None, pool=None, ioctx=None)


def unwanted():
    raise AssertionError("the source was verified")


def three_gib():
    return Source(-1, "raw", 3 * GIB)


@pytest.fixture
def there(monkeypatch):
    """Says which record the generation has; nothing is asked or written."""

    def put(record):
        monkeypatch.setattr(generation, "_find_healthy", lambda *_: record)
        monkeypatch.setattr(locations, "refuse_other_cluster", lambda *_: None)
        monkeypatch.setattr(pool_capacity, "refuse_ahead", lambda *_: None)
        monkeypatch.setattr(generation, "_new_record", lambda *_: pytest.fail("a record was made"))
        monkeypatch.setattr(glance, "apply", lambda _conn, found, _wanted: found)

    return put


def ensure(min_disk, opening):
    return generation.ensure(
        CLOUD, opening, Wanted(Image(name="debian-12", source="x", min_disk_gb=min_disk), {}), None
    )


def test_it_is_refused_before_the_source_is_hashed_where_its_header_tells_the_size(there):
    there(None)
    with pytest.raises(CloudError, match=r"'debian-12': min_disk_gb is 2, .* has 3221225472 bytes: .* 3 GiB"):
        ensure(2, Opening(three_gib, unwanted, unwanted, unwanted))


def test_and_before_anything_is_written_where_it_does_not(there):
    there(None)
    with pytest.raises(CloudError, match="min_disk_gb is 2"):
        ensure(2, Opening(lambda: None, three_gib, unwanted, unwanted))


def test_a_change_of_an_image_that_is_there_is_refused_too(there):
    there({"status": "active", "size": 3 * GIB, "min_disk": 0})
    with pytest.raises(CloudError, match="min_disk_gb is 2"):
        ensure(2, Opening(unwanted, unwanted, unwanted, unwanted))


@pytest.mark.parametrize("min_disk", [0, 3, 100])
def test_what_is_large_enough_passes_and_what_was_adopted_so_stays(there, min_disk):
    there({"status": "active", "size": 3 * GIB, "min_disk": 1})
    assert ensure(min_disk, Opening(unwanted, unwanted, unwanted, unwanted))["min_disk"] == 1
    assert ensure(1, Opening(unwanted, unwanted, unwanted, unwanted))["min_disk"] == 1


@pytest.mark.parametrize(("size", "least"), [(1, 1), (GIB, 1), (GIB + 512, 2), (3 * GIB, 3)])
def test_the_least_that_is_right_is_whole_gib(size, least):
    generation.refuse_small_min_disk("debian-12", least, size)
    generation.refuse_small_min_disk("debian-12", 0, size)  # none is declared
    if least > 1:
        with pytest.raises(CloudError, match=f"less than {least} GiB"):
            generation.refuse_small_min_disk("debian-12", least - 1, size)
