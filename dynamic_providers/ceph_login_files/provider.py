"""The CRUD of a login's files."""

from pathlib import Path

from pydantic import Field, field_validator

from dynamic_providers.base import DynamicProvider, DynamicResource, Inputs, Outputs, ResourceState
from dynamic_providers.ceph_login_files import files


class CephLoginFilesArgs(Inputs, hide_input_in_errors=True):  # a keyring is among them
    """What the files of a login declare.

    Attributes:
        folder: absolute path, on the machine that runs pulumi.
        texts: what each file says, by its name in the folder.
    """

    folder: str = Field(pattern="^/")
    texts: dict[str, str] = Field(min_length=1, repr=False)

    @field_validator("texts")
    @classmethod
    def _in_the_folder(cls, texts: dict[str, str]) -> dict[str, str]:
        for name in texts:
            if "/" in name or name in ("", ".", ".."):
                raise ValueError(f"{name!r} is not the name of a file in the folder")
        return texts


class CephLoginFilesOutputs(Outputs):
    """What was written.

    Attributes:
        damage: what a refresh found that the next update mends; empty when all is well.
    """

    names: list[str]
    damage: list[str] = Field(default_factory=list)


State = ResourceState[CephLoginFilesArgs, CephLoginFilesOutputs]


class CephLoginFilesProvider(DynamicProvider[CephLoginFilesArgs, CephLoginFilesOutputs]):
    """Files of mode 0600 in one folder; what is in them is never read into state."""

    replace_on = frozenset({"folder"})

    def find_or_create(self, inputs: CephLoginFilesArgs) -> tuple[str, CephLoginFilesOutputs]:
        """Write them; those that are there already stay."""
        files.write(Path(inputs.folder), inputs.texts)
        return inputs.folder, CephLoginFilesOutputs(names=sorted(inputs.texts))

    def update_in_place(self, state: State, inputs: CephLoginFilesArgs) -> CephLoginFilesOutputs:
        """Write them anew, and remove those that are declared no more."""
        files.write(Path(state.id), inputs.texts)
        files.remove(Path(state.id), set(state.outputs.names) - set(inputs.texts))
        return CephLoginFilesOutputs(names=sorted(inputs.texts))

    def read_live(self, state: State) -> State:
        """Never gone: a file that is missing is damage."""
        found = files.wrong(Path(state.id), state.inputs.texts)
        return state.found(damage=[f"{name} {problem}" for name, problem in sorted(found.items())])

    def delete_live(self, state: State) -> None:
        """Remove what was written, and the folder if nothing else is in it."""
        files.remove(Path(state.id), state.outputs.names)

    def hand_over(self, state: State, successor: CephLoginFilesArgs) -> None:
        """A cephx user that was renamed and keeps its folder: the files of the new name stay."""
        files.remove(Path(state.id), set(state.outputs.names) - set(successor.texts))


class CephLoginFiles(DynamicResource, module="ceph", name="LoginFiles"):
    """Files of mode 0600 in one folder of the machine that runs pulumi.

    See CephLoginFilesArgs for what it declares; `texts` is kept as a secret.
    """

    made_by = CephLoginFilesProvider
