"""What is declared of the monitoring agents of a stack's hosts."""

import hashlib
from collections.abc import Mapping

import yaml
from pydantic import Field

from clients.managed_host import ManagedHost
from dynamic_providers.base import Inputs

PATH = "/etc/newrelic-infra.yml"
STATUS_PORT = 8003
"""The agent's own default; it listens to the host itself only."""


def rendered(host: str, labels: Mapping[str, str], license_key: str) -> str:
    """Give the text of HOST's file; the license key is in it."""
    settings = {
        "license_key": license_key,
        "display_name": host,
        "custom_attributes": dict(labels),
        "status_server_enabled": True,
        "status_server_port": STATUS_PORT,
    }
    return "# Made by the private cloud's Pulumi stack; do not edit.\n" + yaml.safe_dump(settings)


def digest(text: str) -> str:
    """Tell one text from another, without the key: it is a 160-bit secret, which nobody guesses from a SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


class MonitoringAgentArgs(Inputs, hide_input_in_errors=True):  # one is the key
    """What the monitoring agents of a stack declare.

    Attributes:
        hosts: by name, which is also the inventory's.
        license_key: of the New Relic account. A secret.
        inventory: the folder, which holds how Ansible reaches each host.
        command: of kolla-ansible, beside which ansible-playbook is.
        logs: the folder for what Ansible prints.
    """

    hosts: dict[str, ManagedHost]
    license_key: str = Field(default="", repr=False)  # given apart, as a secret
    inventory: str = Field(min_length=1)
    command: str = Field(min_length=1)
    logs: str = Field(min_length=1)

    @property
    def wanted(self) -> dict[str, str]:
        """The text of each host's configuration."""
        return {name: rendered(name, host.labels, self.license_key) for name, host in self.hosts.items()}
