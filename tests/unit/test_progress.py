import io

import pytest

from clients.progress import Progress


def test_without_a_terminal_a_short_step_is_one_line():
    stream = io.StringIO()
    with Progress("writing", 10 << 20, stream) as progress:
        for _ in range(10):
            progress.advance(1 << 20)
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("writing: 10 MiB in ")


def test_a_failed_step_does_not_say_that_it_is_done():
    stream = io.StringIO()
    with pytest.raises(RuntimeError), Progress("writing", 10 << 20, stream):
        raise RuntimeError
    assert stream.getvalue() == ""
