"""The file /etc/newrelic-infra.yml of a host.

Settings: https://docs.newrelic.com/docs/infrastructure/install-infrastructure-agent/configuration/infrastructure-agent-configuration-settings/
"""

import hashlib
from collections.abc import Mapping

import yaml

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
