"""Rules of how this program itself reaches the cloud."""

from collections.abc import Iterator, Sequence

from clients.clouds_yaml import Entry, entry
from clients.errors import CloudError
from config.resource_types import PROVIDER
from policy.declared import Declared
from policy.rule import Facts, Finding, StackRule


def _entries(facts: Facts) -> Iterator[tuple[str, Entry]]:
    """The entries of clouds.yaml that the stack uses; one that is missing is told by whoever connects."""
    if not facts.settings:
        return
    names = [facts.settings.openstack.cloud]
    names += [facts.settings.image_store.cloud] if facts.settings.image_store else []
    for name in dict.fromkeys(names):
        try:
            yield name, entry(name)
        except CloudError:
            continue


def _unverified(resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    for provider in resources:
        if provider.type == PROVIDER and provider.is_true("insecure"):
            yield Finding.of(provider, "the provider is `insecure`")
    for name, cloud in _entries(facts):
        if not cloud.verified:
            yield Finding(name, f"the entry {name!r} of clouds.yaml does not verify certificates")


def _in_the_clear(_resources: Sequence[Declared], facts: Facts) -> Iterator[Finding]:
    for name, cloud in _entries(facts):
        if not cloud.auth_url.startswith("https://"):
            yield Finding(name, f"Keystone is at {cloud.auth_url}")


RULES = (
    StackRule(
        name="tls-verified",
        asks="The cloud's certificates are verified.",
        reason="Otherwise whoever stands between gets an administrator's login.",
        remedy="Drop `insecure` and `verify: false`, and give the CA as `cacert`.",
        check=_unverified,
    ),
    StackRule(
        name="keystone-over-tls",
        asks="In production Keystone is reached over https.",
        reason="Over http passwords and tokens go in the clear.",
        remedy="Give Keystone TLS (Kolla: kolla_enable_tls_external and _internal), and an https auth_url.",
        level="disabled",
        check=_in_the_clear,
    ),
)
