"""What the stack file may say of Kolla-Ansible. tests/engine/test_kolla_domain_file.py runs what it becomes."""

from pathlib import PurePosixPath

import pytest
from pydantic import ValidationError

from config.kolla import KollaSpec
from config.kolla_files import domain_file_problem

HOST = {
    "address": "deploy.corp.example",
    "user": "kolla",
    "private_key": {"env": "PATH"},  # any variable that is set
    "host_key": "ssh-ed25519 AAAAC3Nz",
}


def test_overrides_are_where_kolla_has_them_by_default() -> None:
    spec = KollaSpec.model_validate({"configdir": "/srv/kolla", "inventory": "/srv/kolla/multinode"})
    assert spec.overrides == PurePosixPath("/srv/kolla/config")


def test_overrides_are_where_node_custom_config_says() -> None:
    spec = KollaSpec.model_validate({"config_folder": "/srv/overrides", "inventory": "/srv/kolla/multinode"})
    assert spec.overrides == PurePosixPath("/srv/overrides")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"inventory": "multinode", "host": HOST},
            "'multinode' is not an absolute path; give one such as '/etc/kolla'",
        ),
        ({"command": "bin/kolla-ansible"}, "'bin/kolla-ansible' is not a program; give a name on PATH or"),
        ({"command": "kolla-ansible -v"}, "'kolla-ansible -v' is not a program; give a name on PATH or"),
        ({"command": "-v"}, "'-v' is not a program; give a name on PATH or"),
        (
            {"host": {**HOST, "port": 0}},
            "0 is not a port (most often it is 22); give a number from 1 to 65535",
        ),
        ({"host": {**HOST, "host_key": "SHA256:abc"}}, "'SHA256:abc' is not a public SSH key; give its type"),
    ],
)
def test_what_is_wrong_gets_a_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as raised:
        KollaSpec.model_validate({"inventory": "/etc/kolla/multinode", **changes})
    (error,) = raised.value.errors()
    assert error["msg"].startswith(sentence)


def test_a_host_without_its_host_key_is_refused() -> None:
    host = {key: value for key, value in HOST.items() if key != "host_key"}
    with pytest.raises(ValidationError, match="host_key"):
        KollaSpec.model_validate({"inventory": "/etc/kolla/multinode", "host": host})


@pytest.mark.parametrize("domain", ["corp", 'corp & it\'s `people` "here" *?[a] %s \\', "Bücher"])
def test_a_domain_can_be_part_of_a_files_name(domain: str) -> None:
    assert domain_file_problem(domain) is None


@pytest.mark.parametrize("domain", ["corp/people", "$HOME", "{{ corp }}", "c" * 250])
def test_a_domain_that_cannot_be_part_of_a_files_name_gets_a_sentence(domain: str) -> None:
    problem = domain_file_problem(domain)
    assert problem is not None
    assert problem.startswith(f"domain {domain!r} ")
    assert "; give it a " in problem
