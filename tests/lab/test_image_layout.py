"""An image has its own layout in RBD, whatever defaults the client's ceph.conf has."""

import rbd

from clients import ceph
from tests.lab.golden_image import (
    at_the_lab,
    clone_of,
    inputs,
    make,
    provider,
    raw_digest_in_rbd,
    remove_clone,
    second,
)

__all__ = ["at_the_lab", "second"]

DEFAULTS = (
    "[client]\nrbd default features = 8\nrbd default stripe unit = 65536\nrbd default stripe count = 4\n"
)


def test_defaults_of_ceph_conf_without_layering_and_with_stripes_do_no_harm(second, at_the_lab, tmp_path):
    conf = tmp_path / "ceph.conf"
    text = at_the_lab.ceph_conf.read_text(encoding="utf-8")
    assert "[client]\n" in text
    conf.write_text(text.replace("[client]\n", DEFAULTS), encoding="utf-8")
    made = make(inputs(second[0], ceph_conf=str(conf)))
    try:
        image_id = made.outs["glance_id"]
        assert raw_digest_in_rbd(image_id) == second[1]
        with ceph.pool("images", "admin") as pool, rbd.Image(pool.ioctx, image_id, read_only=True) as image:
            assert image.features() & rbd.RBD_FEATURE_LAYERING
            assert not image.features() & rbd.RBD_FEATURE_STRIPINGV2
        clone_of(image_id)
        remove_clone()
    finally:
        provider.delete(made.id, made.outs)
