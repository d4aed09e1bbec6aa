"""A stack file as `make stack` makes it, shown to the real engine before anything is filled in."""

from pathlib import Path

from operations import new_stack
from operations.stack_file.file import mistakes
from tests.program_copy import ProgramCopy


def test_each_empty_key_gets_its_sentence_at_preview_and_no_cloud_is_asked(tmp_path: Path) -> None:
    program = ProgramCopy.make(tmp_path / "copy", {})
    made = new_stack.make("staging", program.folder)
    program.succeed("stack", "init", "staging")
    done = program.pulumi("preview", "--stack", "staging")
    assert done.returncode != 0
    assert f"Pulumi.staging.yaml has {len(mistakes(made))} mistakes" in done.stdout
    for sentence in mistakes(made):
        assert sentence in done.stdout
    assert "openstack:" not in done.stdout, "no resource was asked for"
    assert "Traceback" not in done.stdout
