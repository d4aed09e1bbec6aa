"""Secrets of the stack file: where they may stand, and that no sentence repeats them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from config.fields import ROOT
from config.secret import Secret, in_the_clear
from config.spec import Spec

CANARY = "c4nary-s3cret"


class Login(Spec):
    password: Secret


class File(Spec):
    logins: tuple[Login, ...] = ()


def given(value: object, root: Path = Path()) -> Login:
    return Login.model_validate({"password": value}, context={ROOT: root})


def refused(value: object, root: Path = Path()) -> str:
    with pytest.raises(ValidationError) as caught:
        given(value, root)
    return str(caught.value.errors()[0]["msg"])


def test_a_file_gives_its_text_without_the_newline_at_the_end(tmp_path):
    (tmp_path / "password").write_text(f"{CANARY}\n", encoding="utf-8")
    assert given({"file": "password"}, tmp_path).password.text == CANARY


def test_the_environment_gives_a_secret(monkeypatch):
    monkeypatch.setenv("CORP_PASSWORD", CANARY)
    assert given({"env": "CORP_PASSWORD"}).password.text == CANARY


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"file": "missing"}, "'missing' cannot be read (No such file or directory)"),
        ({"file": "empty"}, "'empty' is empty"),
        ({"env": "NOT_SET_ANYWHERE"}, "the environment variable NOT_SET_ANYWHERE is not set"),
        ({"env": ""}, "env names nothing"),
        ("", "the secret is empty"),
        (5, "this is no secret; give {file: PATH}, {env: NAME}"),
        ({"vault": "x"}, "this is no secret"),
        ({"file": "a", "env": "b"}, "this is no secret"),
    ],
)
def test_what_is_no_secret_gets_a_sentence(tmp_path, value, expected):
    (tmp_path / "empty").write_text("\n", encoding="utf-8")
    assert expected in refused(value, tmp_path)


@pytest.mark.parametrize("value", [{"fiel": CANARY}, [CANARY], {"file": {"x": CANARY}}])
def test_no_sentence_repeats_what_may_be_the_secret(value):
    assert CANARY not in refused(value)


def test_plain_text_in_the_stack_file_is_refused_and_encrypted_text_is_not():
    file = File.model_validate({"logins": [{"password": CANARY}]})
    (problem,) = in_the_clear(file, frozenset())
    assert problem.path == ("logins", 0, "password")
    assert "plain text" in problem.sentence
    assert CANARY not in problem.sentence
    assert not list(in_the_clear(file, frozenset({"logins"})))


def test_a_representation_does_not_show_the_secret():
    assert CANARY not in repr(given(CANARY))
