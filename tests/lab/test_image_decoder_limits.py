"""A source that makes its decoder burn the machine is ended at a limit, with a sentence and nothing left behind."""

import pytest

from clients.errors import CloudError
from dynamic_providers.rbd_image import reading, writer
from tests.lab.golden_image import MIB, at_the_lab, inputs, make
from tests.lab.hostile_qcow2 import hostile_qcow2

__all__ = ["at_the_lab"]


def test_a_source_that_burns_processor_time_is_ended_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "DECODER_CPU_S", 1)
    monkeypatch.setattr(reading, "DECODER_SPEED", 1 << 40)
    with pytest.raises(CloudError, match="decoding it takes more than 1 s of processor time") as caught:
        make(inputs(hostile_qcow2(tmp_path / "hostile.qcow2", 1000)))
    assert len(str(caught.value).splitlines()) == 1


def test_a_source_that_needs_more_memory_than_its_decoder_is_given_is_ended_with_a_sentence(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(reading, "DECODER_MEMORY", 60 * MIB)
    with pytest.raises(CloudError, match="decoding it takes more than 60 MiB of memory") as caught:
        make(inputs(hostile_qcow2(tmp_path / "hostile.qcow2", 2)))
    assert len(str(caught.value).splitlines()) == 1


def test_a_small_file_that_decodes_to_more_than_the_pool_takes_is_refused_before_it_is_written(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(writer, "_copy", lambda *_: pytest.fail("data was written"))
    with pytest.raises(CloudError, match="up to 1048576 MiB of data, and pool 'images' can take"):
        make(inputs(hostile_qcow2(tmp_path / "hostile.qcow2", 1024)))
