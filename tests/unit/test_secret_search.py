"""That the search of the canary tests finds what is there, in each form and place: it has to be able to fail."""

import base64
import gzip
import json
import secrets
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.lab.leak_watch import LeakWatch
from tests.lab.secret_search import Search, forms

# Of this process alone: the processes of tests beside it are seen too.
SECRET = f"a \"word\" with 'quotes' & <signs> +/= \\n é {secrets.token_hex(4)}"
RAW = bytes(range(200, 232))
SEARCH = Search({"password": SECRET.encode(), "SSH key": RAW})


def ways(text: str) -> dict[str, str]:
    """What a program may make of it."""
    return {
        "clear": text,
        "base64 after one byte": base64.b64encode(f"u{text}".encode()).decode(),
        "base64 in a login": base64.b64encode(f"user:{text}\n".encode()).decode(),
        "base64 of its own": base64.b64encode(text.encode()).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(f"us{text}!".encode()).decode(),
        "base64 in lines": base64.encodebytes(f"{'x' * 40}{text}".encode()).decode(),
        "URL": f"https://user:{quote(text, safe='')}@host/",
        "form": quote_plus(text),
        "small URL": quote(text, safe="").lower(),
        "JSON": json.dumps({"auth": text}),
        "JSON in UTF-8": json.dumps({"auth": text}, ensure_ascii=False),
        "JSON in JSON": json.dumps(json.dumps({"auth": text})),
        "JSON of Go": json.dumps(text, ensure_ascii=False)
        .replace("<", r"\u003c")
        .replace(">", r"\u003e")
        .replace("&", r"\u0026"),
        "Python": repr({"auth": text}),
        "shell": shlex.join(["login", text]),
        "hexadecimal": text.encode().hex(),
    }


@pytest.mark.parametrize("way", ways(SECRET))
def test_a_secret_is_found_however_it_is_written(way: str) -> None:
    finds = SEARCH.in_bytes("log", f"before {ways(SECRET)[way]} after".encode())
    assert {find.kind for find in finds} == {"password"}, way


def test_a_key_of_bytes_is_found_in_the_lines_of_its_file() -> None:
    body = base64.encodebytes(b"openssh-key-v1\0" + RAW).decode().replace("\n", "\n\n")
    for text in (body, json.dumps(body), RAW.hex()):
        assert {find.kind for find in SEARCH.in_bytes("log", text.encode())} == {"SSH key"}
    assert SEARCH.in_bytes("log", b"\0" + RAW + b"\0")


def test_nothing_is_found_where_nothing_is() -> None:
    text = SECRET.replace("word", "w0rd")
    assert SEARCH.in_bytes("log", json.dumps(ways(text)).encode() + bytes(200)) == []


def test_a_find_says_where_and_what_kind_but_not_what() -> None:
    (find,) = SEARCH.in_bytes("state/stack.json", SECRET.encode())
    assert str(find) == "state/stack.json: the password, in the clear"


def test_a_canary_too_short_to_be_told_from_chance_is_refused() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        forms(b"secret")


def test_files_are_searched_however_deep_hidden_or_packed_and_those_named_left_out(tmp_path: Path) -> None:
    deep = tmp_path / ".pulumi" / "history" / ".hidden.json"
    packed = tmp_path / "checkpoint.json.gz"
    meant = tmp_path / "clouds.yaml"
    named = tmp_path / SECRET.replace("/", "")
    deep.parent.mkdir(parents=True)
    deep.write_text(SECRET, encoding="utf-8")
    packed.write_bytes(gzip.compress(SECRET.encode()))
    meant.write_text(SECRET, encoding="utf-8")
    (tmp_path / "link").symlink_to("/dev/zero")
    found = {find.where for find in SEARCH.in_files(tmp_path, but={meant})}
    assert found == {str(deep), str(packed)}
    named.touch()
    assert Search({"password": SECRET.replace("/", "").encode()}).in_file(named)


def wait_until(seen: Callable[[], bool]) -> None:
    """Until the watch has come by."""
    deadline = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < deadline, "the watch did not see it"
        time.sleep(0.01)


@contextmanager
def waiting_process() -> Iterator[None]:
    """A process with the secret among its arguments."""
    with subprocess.Popen([sys.executable, "-c", "input()", SECRET], stdin=subprocess.PIPE) as process:
        yield
        assert process.stdin
        process.stdin.write(b"\n")


def test_a_secret_among_the_arguments_of_a_process_is_seen_while_it_runs() -> None:
    with LeakWatch() as watch, waiting_process():
        wait_until(lambda: bool(watch.finds(SEARCH)))
    assert {find.kind for find in watch.finds(SEARCH)} == {"password"}


def test_processes_that_ran_before_are_not_looked_at() -> None:
    with waiting_process(), LeakWatch() as watch, subprocess.Popen(["sleep", "60"]) as later:
        wait_until(lambda: "arguments of sleep" in watch.places)
        later.kill()
    assert watch.finds(SEARCH) == []


def test_a_temporary_file_is_seen_that_others_may_read_and_is_gone_afterwards(tmp_path: Path) -> None:
    with LeakWatch(tmp_path) as watch:
        closed = Path(tempfile.mkdtemp(dir=tmp_path)) / "mine"
        closed.write_text(SECRET, encoding="utf-8")
        with tempfile.NamedTemporaryFile("w", dir=tmp_path) as own:
            own.write(SECRET)
            own.flush()
            opened = tmp_path / "everybodys"
            opened.write_text(SECRET, encoding="utf-8")
            wait_until(lambda: any("everybodys" in where for where in watch.places))
            opened.unlink()
    assert {find.where for find in watch.finds(SEARCH)} == {f"open to others: {opened}"}


def test_what_a_file_held_before_it_changed_is_kept(tmp_path: Path) -> None:
    state = tmp_path / ".pulumi" / "stack.json"
    state.parent.mkdir()
    watch = LeakWatch()
    for text in (SECRET, "{}"):
        state.write_text(text, encoding="utf-8")
        watch.keep_files(tmp_path)
    assert [find.where for find in watch.finds(SEARCH)] == [str(state)]
