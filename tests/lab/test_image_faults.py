"""Faults of the cloud during an import: each is got over, or told in one sentence with nothing left behind.

The faults of Glance are FAKE, made by a proxy in front of the real one; that a real Glance under load answers just so
is not proven. The revoked token and the record that somebody deletes are real.
"""

from contextlib import contextmanager

import pytest
import yaml

from clients import openstack as openstack_client
from clients.errors import CloudError
from tests.lab.faulty_service import Fault, Request, faulty_service
from tests.lab.golden_image import at_the_lab, first, glance, inputs, make, provider, raw_digest_in_rbd

__all__ = ["at_the_lab", "first"]


@pytest.fixture
def behind(lab, tmp_path, monkeypatch):
    """The import's account, whose Glance is behind a fault."""

    @contextmanager
    def at(fault):
        entries = yaml.safe_load(lab.clouds.read_text(encoding="utf-8"))
        with faulty_service(lab.url(lab.ports.glance), fault) as url:
            entries["clouds"]["lab-image-import"] |= {
                "image_endpoint_override": f"{url}/v2",
                "image_api_version": "2",
            }
            clouds = tmp_path / "clouds.yaml"
            clouds.write_text(yaml.safe_dump(entries), encoding="utf-8")
            clouds.chmod(0o600)
            with monkeypatch.context() as own:
                own.setenv("OS_CLIENT_CONFIG_FILE", str(clouds))
                yield

    return at


def busy(status: int, method: str, ending: str, times: int) -> Fault:
    """Answers STATUS to the first TIMES requests whose path ends with ENDING."""
    left = [times]

    def answer(request: Request) -> int | None:
        if concerns(request, method, ending) and left[0]:
            left[0] -= 1
            return status
        return None

    return Fault(answer)


def concerns(request: Request, method: str, ending: str) -> bool:
    return request.method == method and request.path.partition("?")[0].endswith(ending)


@pytest.mark.parametrize(
    ("status", "method", "ending"),
    [
        (429, "POST", "/images"),
        pytest.param(503, "POST", "/locations", marks=pytest.mark.nightly),
        pytest.param(503, "GET", "/images", marks=pytest.mark.nightly),
    ],
)
def test_a_glance_that_is_busy_for_a_moment_is_asked_again(behind, first, status, method, ending):
    fault = busy(status, method, ending, 2)
    with behind(fault):
        made = make(inputs(first[0]))
    try:
        assert sum(concerns(request, method, ending) for request in fault.seen) > 2, "it was busy twice"
        assert raw_digest_in_rbd(made.outs["glance_id"]) == first[1]
        assert glance(made.outs["glance_id"])["status"] == "active"
    finally:
        provider.delete(made.id, made.outs)


def test_a_glance_that_stays_busy_is_one_sentence_and_leaves_nothing(behind, first):
    with behind(busy(503, "POST", "/locations", 1000)), pytest.raises(CloudError, match="it answers 503"):
        make(inputs(first[0]))


def test_a_token_that_is_revoked_in_mid_import_is_got_anew(behind, admin, first):
    revoked: list[str] = []

    def answer(request):
        if request.method == "POST" and request.path.endswith("/locations") and not revoked:
            admin.identity.delete("/auth/tokens", headers={"X-Subject-Token": request.token})
            revoked.append(request.token)

    fault = Fault(answer)
    with behind(fault):
        made = make(inputs(first[0]))
    try:
        assert glance(made.outs["glance_id"])["status"] == "active"
        assert revoked
        assert {request.token for request in fault.seen} > set(revoked)
    finally:
        provider.delete(made.id, made.outs)


def test_a_record_that_somebody_deletes_in_mid_import_is_told_and_the_next_run_makes_it_anew(behind, first):
    deleted: list[str] = []

    def answer(request):
        if request.method == "POST" and request.path.endswith("/locations") and not deleted:
            image_id = request.path.split("/")[2]
            deleted.append(image_id)
            with openstack_client.connect("lab-admin") as conn:
                conn.image.delete(f"/images/{image_id}")

    with behind(Fault(answer)), pytest.raises(CloudError, match="deleted"):
        make(inputs(first[0]))
    made = make(inputs(first[0]))
    try:
        assert made.outs["glance_id"] not in deleted
        assert raw_digest_in_rbd(made.outs["glance_id"]) == first[1]
    finally:
        provider.delete(made.id, made.outs)
