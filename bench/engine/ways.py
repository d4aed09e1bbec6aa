"""The three ways as commands: this program, Terraform, and Ansible.

An up is one command from nothing: `pulumi up --skip-preview`, `terraform apply -auto-approve`. The empty preview
looks at the state only, the refresh at the cloud. Ansible knows neither; see `playbook`.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.engine.configuration import SOURCE, configuration
from bench.engine.playbook import playbooks
from bench.engine.run import Command
from bench.engine.stack_file import PASSWORD_VARIABLE, stack_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bench.engine.plan import Plan

CHECKOUT = Path(__file__).parents[2]
STACK = "bench"
PARTS = (
    *(".cloud", "Pulumi.yaml", "__main__.py"),
    *("clients", "components", "config", "dynamic_providers", "program"),
)
"""What the program is made of, and its Python."""
Phases = list[tuple[str, Command]]


@dataclass(frozen=True)
class Site:
    """Where commands run.

    Attributes:
        folder: empty, for this run alone.
        cloud: the entry of clouds.yaml.
        clouds: that file, which leads to the counting proxy.
        terraform: its program.
        provider: the OpenStack provider's program.
        python: what Ansible's modules run under.
        settings: variables besides those of this process, to try what they do.
    """

    folder: Path
    cloud: str
    clouds: Path
    terraform: Path
    provider: Path
    python: Path
    settings: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """This process's variables, but for those that lead to another cloud or state."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("OS_", "TF_", "ANSIBLE_", "PULUMI_", "GOGC")) or key in _ENGINE
        }
        return kept | {"OS_CLIENT_CONFIG_FILE": str(self.clouds)}


_ENGINE = (
    "PULUMI_HOME",
    "PULUMI_SKIP_UPDATE_CHECK",
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION",
)


def ours(site: Site, plan: Plan) -> Phases:
    """Return the commands of this program, the real one, with a generated stack file and a state in a file."""
    state = site.folder / "state"
    state.mkdir()
    for part in PARTS:
        (site.folder / part).symlink_to(CHECKOUT / part)
    passphrase = secrets.token_hex()
    # As make sets it for this program, and for no other.
    collector = {"GOGC": os.environ["GOGC"]} if "GOGC" in os.environ else {}
    environment = site.environment | {
        "PULUMI_BACKEND_URL": state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": passphrase,
        PASSWORD_VARIABLE: secrets.token_hex(),
        **collector,
        **site.settings,
    }

    def pulumi(*arguments: str, says: tuple[str, ...] = ()) -> Command:
        return Command(("pulumi", *arguments, "--stack", STACK), site.folder, environment, says)

    pulumi("stack", "init").run()
    written = site.folder / f"Pulumi.{STACK}.yaml"
    salt = written.read_text(encoding="utf-8")
    written.write_text(salt + stack_file(plan, site.cloud), encoding="utf-8")
    return [
        ("preview", pulumi("preview")),
        ("up", pulumi("up", "--yes", "--skip-preview")),
        ("empty preview", pulumi("preview", "--expect-no-changes")),
        ("refresh", pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")),
        ("destroy", pulumi("destroy", "--yes", "--skip-preview")),
    ]


def terraform(site: Site, plan: Plan) -> Phases:
    """Return Terraform's commands, with its defaults."""
    password = secrets.token_hex()
    (site.folder / "main.tf.json").write_text(configuration(plan, site.cloud, password), encoding="utf-8")
    settings = site.folder / "terraform.rc"
    overrides = f'"{SOURCE}" = {json.dumps(str(site.provider.parent))}'
    settings.write_text(f"provider_installation {{\n  dev_overrides {{ {overrides} }}\n  direct {{}}\n}}\n")
    environment = site.environment | {"TF_CLI_CONFIG_FILE": str(settings), "CHECKPOINT_DISABLE": "1"}

    def command(*arguments: str, says: tuple[str, ...] = ()) -> Command:
        return Command(
            (str(site.terraform), *arguments, "-no-color", "-input=false"), site.folder, environment, says
        )

    return [
        ("preview", command("plan", says=(f"Plan: {plan.size} to add, 0 to change",))),
        ("up", command("apply", "-auto-approve", says=(f"{plan.size} added",))),
        ("empty preview", command("plan", "-refresh=false", says=("No changes.",))),
        # It tells of tags that were null and are an empty list.
        ("refresh", command("apply", "-refresh-only", "-auto-approve", says=("0 added, 0 changed",))),
        ("destroy", command("destroy", "-auto-approve", says=(f"{plan.size} destroyed",))),
    ]


def ansible(site: Site, plan: Plan) -> Phases:
    """Return Ansible's commands."""
    make, remove = playbooks(plan, site.cloud, secrets.token_hex())
    for name, text in (("make.yml", make), ("remove.yml", remove)):
        (site.folder / name).write_text(text, encoding="utf-8")
    environment = site.environment | {
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_LOCAL_TEMP": str(site.folder / "tmp"),
        "PYTHONWARNINGS": "ignore",
    }

    def play(name: str, *says: str) -> Command:
        interpreter = f"ansible_python_interpreter={site.python}"
        return Command(("ansible-playbook", "-e", interpreter, name), site.folder, environment, says)

    return [
        ("up", play("make.yml", "failed=0")),
        ("empty preview", play("make.yml", "changed=0", "failed=0")),
        ("destroy", play("remove.yml", "failed=0")),
    ]


WAYS: dict[str, Callable[[Site, Plan], Phases]] = {
    "ours": ours,
    "ours-dynamic": ours,
    "terraform": terraform,
    "ansible": ansible,
}
