"""What the control hosts' number means when some of them go. No network."""

from collections.abc import Collection, Mapping

from dynamic_providers.kolla_deployment.host_usage import named

CONTROL = "control"


def control_hosts(hosts: Mapping[str, Collection[str]]) -> list[str]:
    """Those of HOSTS (with their roles) that are control hosts, by name."""
    return sorted(host for host, roles in hosts.items() if CONTROL in roles)


def last_control(
    leaving: Mapping[str, Collection[str]], staying: Mapping[str, Collection[str]]
) -> str | None:
    """Why these hosts (with their roles) may not go all at once; None where they may.

    All control hosts may go where nothing stays: that is the end of the cloud. Where no control host is declared
    at all, the cloud's are somebody else's.
    """
    going = control_hosts(leaving)
    if not going or not staying or control_hosts(staying):
        return None
    return (
        f"{', '.join(going)}: the last control host cannot be removed while {named(sorted(staying), str)} stay;"
        " declare another control host first, or remove these as well"
    )


def quorum_warning(
    leaving: Mapping[str, Collection[str]], staying: Mapping[str, Collection[str]]
) -> str | None:
    """What becomes worse for MariaDB's and RabbitMQ's clusters; None where nothing does."""
    going, after = len(control_hosts(leaving)), len(control_hosts(staying))
    if not going or not after:
        return None
    before = going + after
    if 2 * after <= before:
        return (
            f"{going} of {before} control hosts go at once, so that the others lose their quorum (MariaDB, RabbitMQ)"
            " until they are deployed again; remove one at a time"
        )
    spared = (after - 1) // 2
    if spared < (before - 1) // 2:
        return (
            f"{after} of {before} control hosts are left: {spared or 'none'} of them may fail before the others lose"
            " their quorum (MariaDB, RabbitMQ)"
        )
    return None
