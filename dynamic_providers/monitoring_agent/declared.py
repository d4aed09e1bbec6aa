"""What is declared of the monitoring agents of a stack's hosts."""

from pydantic import ConfigDict, Field

from clients.managed_host import ManagedHost
from dynamic_providers.base import Inputs
from dynamic_providers.monitoring_agent.configuration import rendered


class MonitoringAgentArgs(Inputs):
    """What the monitoring agents of a stack declare.

    Attributes:
        hosts: by name, which is also the inventory's.
        license_key: of the New Relic account. A secret.
        inventory: the folder, which holds how Ansible reaches each host.
        command: of kolla-ansible, beside which ansible-playbook is.
        logs: the folder for what Ansible prints.
    """

    model_config = ConfigDict(hide_input_in_errors=True)  # one is the key

    hosts: dict[str, ManagedHost]
    license_key: str = Field(default="", repr=False)  # given apart, as a secret
    inventory: str = Field(min_length=1)
    command: str = Field(min_length=1)
    logs: str = Field(min_length=1)

    @property
    def wanted(self) -> dict[str, str]:
        """The text of each host's configuration."""
        return {name: rendered(name, host.labels, self.license_key) for name, host in self.hosts.items()}
