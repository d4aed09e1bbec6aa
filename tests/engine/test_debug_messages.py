"""What a program registers as its outputs, secrets among it, is not in what the real CLI prints, however it is asked.

The OpenStack plugin is the fake.
"""

import json
from pathlib import Path

import pytest

from tests.engine.held_up import one_network, program_with_fake

PROGRAM = """
import pulumi
from program import debug_messages

{disable_sdk_debug_logging}
pulumi.export("login", pulumi.Output.secret("canary-in-an-output"))
"""


@pytest.mark.parametrize("how", [["--debug"], ["--json"], ["--debug", "--diff"]])
def test_a_secret_output_is_in_no_debug_message(tmp_path: Path, how: list[str]) -> None:
    program = program_with_fake(tmp_path, {})
    program.stack("debug", one_network())
    (program.folder / "__main__.py").unlink()
    for disable_sdk_debug_logging, shown in (
        ("", True),
        ("debug_messages.disable_sdk_debug_logging()", False),
    ):
        (program.folder / "__main__.py").write_text(
            PROGRAM.format(disable_sdk_debug_logging=disable_sdk_debug_logging), encoding="utf-8"
        )
        printed = program.succeed("up", "--yes", "--skip-preview", "--stack", "debug", *how)
        assert ("canary-in-an-output" in printed) is shown, (
            "Pulumi's SDK has changed; see program/debug_messages.py"
        )
    state = json.loads(program.succeed("stack", "export", "--stack", "debug"))
    assert "canary-in-an-output" not in json.dumps(state)


def test_the_program_itself_silences_them_before_it_makes_anything() -> None:
    text = (Path(__file__).parents[2] / "__main__.py").read_text(encoding="utf-8")
    assert text.index("disable_sdk_debug_logging()") < text.index("load()\n")
