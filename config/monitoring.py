"""Monitoring of the hosts."""

from typing import Literal

from pydantic import Field, ValidationInfo

from config.secret import Secret, SecretText
from config.spec import Problems, Spec, checking

_KEY_LENGTH = 40  # https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/


class MonitoringSpec(Spec):
    """Monitoring of the stack's hosts."""

    agent: Literal["new-relic", "prometheus"] = Field(
        description="'new-relic' (its infrastructure agent, which is in the hosts' image) or 'prometheus' (Kolla's, "
        "with its exporters)"
    )
    license_key: Secret | None = Field(
        None,
        description="{file: PATH} or {env: NAME} of New Relic's license key; another one is brought to all hosts",
        validate_default=True,
    )

    @checking("license_key")
    def _with_new_relic(cls, key: SecretText | None, info: ValidationInfo) -> Problems:
        agent = info.data.get("agent")
        if agent == "new-relic" and key is None:
            yield "New Relic takes reports with a license key only; give {file: PATH} or {env: NAME}"
        elif agent == "prometheus" and key is not None:
            yield "Prometheus takes no license key; leave it out, or set agent: new-relic"
        elif key is not None and (len(key.text) != _KEY_LENGTH or not key.text.isalnum()):
            yield (
                f"this is no license key of New Relic, which has {_KEY_LENGTH} letters and digits; take the key of "
                "type INGEST - LICENSE from the account"
            )

    @property
    def globals(self) -> dict[str, str]:
        """What is set in Kolla's globals; its exporters follow enable_prometheus (etc/kolla/globals.yml of Kolla)."""
        return {"enable_prometheus": "yes"} if self.agent == "prometheus" else {}
