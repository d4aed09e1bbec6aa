"""Where Kolla-Ansible runs, which files it runs with, and what it runs for hosts."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from clients import regular_file
from config.errors.issues import invalid, nearest
from config.fields import (
    CephUser,
    Name,
    Port,
    ProjectPath,
    PublicSshKey,
    each_once,
    from_the_projects_folder,
    matching,
)
from config.kolla_files import globals_problem, service_file_problem
from config.secret import Secret
from config.spec import Problems, Spec, checking

# The commands of kolla-ansible 22 that converge the hosts of an inventory.
STEPS = (
    "bootstrap-servers",
    "prechecks",
    "pull",
    "genconfig",
    "validate-config",
    "deploy",
    "reconfigure",
    "upgrade",
    "deploy-containers",
    "check",
    "post-deploy",
)


class KollaHostSpec(Spec, replaced="address"):
    """The machine that Kolla-Ansible runs on, reached by SSH."""

    address: Name = Field(description="its name or IP address")
    port: Port = Field(22, description="the port of its SSH server, a number from 1 to 65535")
    user: Name = Field(description="the account there that runs kolla-ansible")
    private_key: Secret = Field(description="that account's SSH key, a secret: {file: PATH} or {env: NAME}")
    host_key: PublicSshKey = Field(
        description="its public SSH key, such as 'ssh-ed25519 AAAA…', as ssh-keyscan prints it after the address"
    )


class KollaSshSpec(Spec):
    """How the hosts are reached: by this program and by Kolla-Ansible alike."""

    user: Annotated[
        Name, matching("[a-z_][a-z0-9_-]*", "is not an account of Linux; give one such as 'kolla'")
    ] = Field(description="the account on every host, root or one with sudo that asks nothing")
    port: Port = Field(22, description="the port of their SSH servers, a number from 1 to 65535")
    private_key_file: ProjectPath = Field(
        description="the path of that account's SSH key; a relative path is the project folder's"
    )

    public_key: PublicSshKey = Field(
        "",
        validate_default=True,
        description="its public half, such as 'ssh-ed25519 AAAA…', for the kickstarts; left out, the file beside it "
        "that ends in .pub",
    )

    @field_validator("public_key", mode="before")
    @classmethod
    def _from_the_file_beside(cls, given: Any, info: ValidationInfo) -> Any:
        private: Path | None = info.data.get("private_key_file")
        if given != "" or private is None:
            return given
        file = private.with_name(f"{private.name}.pub")
        try:
            return regular_file.text(file).strip()
        except OSError as error:
            raise invalid(
                f"'{file}' cannot be read ({error.strerror}); put the public half of the key there, or give it here"
            ) from None


class KollaCephSpec(Spec):
    """The login with which storage hosts are handed to Ceph's orchestrator, and looked at before they leave."""

    user: CephUser = Field("admin", description="the cephx user without 'client.', such as 'admin'")
    conf: ProjectPath = Field(Path("/etc/ceph/ceph.conf"), description="the path of ceph.conf")


# Both say where the file is; the rest, how Kolla is run.
class KollaSpec(Spec, replaced="configdir config_folder"):
    """Where Kolla-Ansible (22.x tried) runs, and which files it runs with."""

    host: KollaHostSpec | None = Field(
        None,
        description="{address, user, private_key, host_key}; left out, the machine that runs pulumi, "
        "where the paths below may be relative to the project's folder",
    )
    configdir: PurePosixPath = Field(
        PurePosixPath("/etc/kolla"), description="the folder of globals.yml and passwords.yml"
    )
    config_folder: PurePosixPath | None = Field(
        None, description="Kolla's node_custom_config; left out, the folder config in configdir"
    )
    inventory: PurePosixPath = Field(
        description="the inventory, such as '/etc/kolla/multinode'; with hosts, a folder that gets one file a host"
    )
    command: Annotated[
        str,
        matching(
            r"[^\s/-][^\s/]*|/.*[^/]",
            "is not a program; give a name on PATH or an absolute path, without arguments",
        ),
    ] = Field(
        "kolla-ansible",
        description="the program: a name on PATH, or an absolute path such as '/opt/kolla/bin/kolla-ansible'",
    )
    ssh: KollaSshSpec | None = Field(
        None, description="{user, private_key_file}: how hosts are reached; required with hosts"
    )
    ceph: KollaCephSpec | None = Field(
        None, description="{user, conf}: the Ceph that storage hosts join; left out, none is asked"
    )
    container_engine: Literal["docker", "podman"] = Field(
        "docker", description="'docker' or 'podman': what runs the containers on hosts"
    )
    steps: Annotated[tuple[str, ...], each_once("step")] = Field(
        ("bootstrap-servers", "prechecks", "pull", "deploy"),
        description="a list of commands of kolla-ansible, run in this order for hosts that are new or changed",
    )
    globals: dict[str, Any] = Field(
        default_factory=dict,
        description="a map of Kolla's variables, delivered as configdir/globals.d/private-cloud.yml; no secrets",
    )
    service_config: dict[str, str] = Field(
        default_factory=dict,
        description="a map of files below config_folder to their texts, such as nova/nova-compute.conf: "
        '"[DEFAULT]…"; no secrets',
    )
    kickstarts: PurePosixPath = Field(
        PurePosixPath("kickstarts"),
        validate_default=True,
        description="the folder that gets one kickstart a host, to install it from",
    )

    @field_validator("configdir", "config_folder", "inventory", "kickstarts")
    @classmethod
    def _absolute(cls, path: PurePosixPath | None, info: ValidationInfo) -> PurePosixPath | None:
        if path is None or path.is_absolute():
            return path
        if info.data.get("host") and info.field_name != "kickstarts":
            raise invalid(f"'{path}' is not an absolute path; give one such as '/etc/kolla'")
        return PurePosixPath(from_the_projects_folder(path, info))

    @checking("steps")
    def _are_commands_that_converge(cls, steps: tuple[str, ...], _info: ValidationInfo) -> Problems:
        if not steps:
            yield "there is no step; leave it out, or give some such as [prechecks, deploy]"
        for index, step in enumerate(steps):
            if step not in STEPS:
                hint = nearest(step, STEPS) or f"; give some of {', '.join(STEPS)}"
                yield (index,), f"{step!r} is not a command that hosts are enrolled with{hint}"

    @checking("globals", "service_config")
    def _may_be_delivered(cls, entries: dict[str, Any], info: ValidationInfo) -> Problems:
        check = globals_problem if info.field_name == "globals" else service_file_problem
        for key, value in entries.items():
            if problem := check(key, value):
                yield (key,), problem

    @property
    def overrides(self) -> PurePosixPath:
        """Kolla's node_custom_config."""
        return self.config_folder or self.configdir / "config"
