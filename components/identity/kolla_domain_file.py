"""A domain's driver configuration as a file that Kolla-Ansible delivers, where Keystone's API for it is not enabled."""

import json
import re
from pathlib import PurePosixPath
from shlex import join, quote
from typing import Any

import pulumi
import pulumi_command as command

from config.kolla import KollaSpec
from config.kolla_files import domain_file_name, domain_file_problem
from program.secret_output import secret_output


class KollaDomainFile(pulumi.ComponentResource):
    """The file keystone.DOMAIN.conf of a domain, delivered to Keystone's containers by Kolla-Ansible.

    Makes one `command.local.Command`, or one `command.remote.Command` where `kolla` names a host. It writes
    keystone/domains/keystone.DOMAIN.conf in Kolla's folder of overrides (mode 0600, whole or not at all) and
    runs `kolla-ansible reconfigure --tags keystone`. Another text writes and runs it again. Its removal
    removes the file there and on Keystone's hosts, where Kolla leaves it, and runs it once more.

    The text reaches the command by its standard input. Nobody reads the file back: a change by hand is not
    found.

    Raises:
        pulumi.RunError: the domain's name cannot be part of a file's name.
    """

    file: pulumi.Output[str]
    """The file's path on the machine that runs Kolla-Ansible, once Keystone has been reconfigured."""

    def __init__(
        self,
        name: str,
        *,
        domain: str,
        text: pulumi.Output[str],
        kolla: KollaSpec,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("private-cloud:kolla:KollaDomainFile", name, None, opts)
        problem = domain_file_problem(domain)
        if problem:
            raise pulumi.RunError(problem)
        script = _Script(domain, kolla)
        how: dict[str, Any] = {
            "create": script.write,
            "update": script.write,
            "delete": script.remove,
            "stdin": text.apply(_not_a_template),
            # The folder and the machine: a replacement, old before new; other changes run `update` in place.
            "triggers": [str(script.file), kolla.host.address if kolla.host else ""],
            # Kolla's output of one run would be the next run's environment, which has a limit.
            "add_previous_output_in_env": False,
            "opts": pulumi.ResourceOptions(
                parent=self,
                replace_on_changes=["triggers"],
                additional_secret_outputs=["stdin", "stdout", "stderr"],
            ),
        }
        made: command.local.Command | command.remote.Command
        if kolla.host is None:
            made = command.local.Command(name, **how)
        else:
            connection = command.remote.ConnectionArgs(
                host=kolla.host.address,
                port=kolla.host.port,
                user=kolla.host.user,
                private_key=secret_output(kolla.host.private_key),
                host_key=kolla.host.host_key,
            )
            made = command.remote.Command(name, connection=connection, **how)
        self.file = made.id.apply(lambda _: str(script.file))
        self.register_outputs({"file": self.file})


def _not_a_template(text: str) -> str:
    """TEXT, so that it comes out as it is: Kolla puts domain files through Ansible's templates (Jinja)."""
    return re.sub(r"\{[{%#]", lambda found: f"{{{{ '{found[0]}' }}}}", text)


class _Script:
    """What a shell (POSIX) runs; every name and path is one quoted word."""

    def __init__(self, domain: str, kolla: KollaSpec) -> None:
        self.file = kolla.overrides / "keystone" / "domains" / domain_file_name(domain)
        # Beside the folder that Kolla copies, with a name of its own: a killed run leaves one at most.
        new = self.file.parents[1] / f".{self.file.name}.new"
        program = PurePosixPath(kolla.command)
        # Kolla runs ansible-playbook by PATH. Ansible would print files that it changes, if its
        # configuration asked for differences.
        settings = ["set -eu", "export ANSIBLE_DIFF_ALWAYS=False"]
        if program.is_absolute():
            settings.append(f'PATH={quote(str(program.parent))}:"$PATH"; export PATH')
        common = ["--inventory", str(kolla.inventory)]
        reconfigure = [
            *(kolla.command, "reconfigure", "--configdir", str(kolla.configdir)),
            *(*common, "--tags", "keystone"),
        ]
        # Kolla copies domain files to Keystone's hosts and never removes one there.
        folder = "{{ node_config_directory | default('/etc/kolla') }}"
        stale = f"{folder}/keystone/domains/{self.file.name}"
        arguments = json.dumps({"path": stale, "state": "absent"})  # KEY=VALUE would have quotes of its own
        forget = [
            *("ansible", "keystone", *common, "--become", "--extra-vars", f"@{kolla.configdir}/globals.yml"),
            *("--module-name", "ansible.builtin.file", "--args", arguments),
        ]
        self.write = "\n".join(
            [
                *settings,
                "(",
                "umask 077",
                f"mkdir -p {quote(str(self.file.parent))}",
                f"rm -f {quote(str(new))}",
                f"cat > {quote(str(new))}",
                ")",
                f"mv -f {quote(str(new))} {quote(str(self.file))}",
                f"{join(reconfigure)} < /dev/null",
            ]
        )
        self.remove = "\n".join(
            [
                *settings,
                f"rm -f {quote(str(self.file))} {quote(str(new))}",
                f"{join(forget)} < /dev/null",
                f"{join(reconfigure)} < /dev/null",
            ]
        )
