"""Where `make test` puts its lab."""

from lab import preflight
from tests import everything


def test_a_new_lab_goes_where_no_other_is(monkeypatch):
    monkeypatch.setattr(preflight, "is_free", lambda address, port: (address, port) != ("127.0.0.1", 9292))
    monkeypatch.setattr(
        everything, "other_holder", lambda lab: "lab-1" if lab.address == "127.0.0.2" else None
    )
    assert everything.free_address() == "127.0.0.3"
