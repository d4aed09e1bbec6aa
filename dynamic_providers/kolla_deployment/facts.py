"""Facts of hosts that Kolla does not deploy to: gathered in parallel, kept for a day.

Kolla-Ansible asks every host outside the limit one after the other. Only control, network and monitoring hosts are asked
here; all, where one of the hosts monitors the others or bootstrap-servers writes everybody into /etc/hosts.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from clients.progress import log_line
from dynamic_providers.kolla_deployment.kolla import FACTS_TIMEOUT_S, Kolla

SPOKEN_OF = ("control", "network", "monitoring")
LOCAL = "localhost"
MARGIN_S = 3600  # facts must not run out while a run goes on


def needed(
    groups: Mapping[str, Collection[str]], concerned: Collection[str], *, everybody: bool
) -> list[str]:
    """The hosts outside the run whose facts it needs."""
    watched = everybody or not set(groups.get("monitoring", ())).isdisjoint(concerned)
    wanted_groups = ("baremetal",) if watched else SPOKEN_OF
    found = {host for group in wanted_groups for host in groups.get(group, ())}
    return sorted(found - set(concerned) - {LOCAL})


def prepare(kolla: Kolla, concerned: Collection[str], others: Iterable[str]) -> None:
    """Forget what is known of the concerned hosts, which may have changed, and ask the others not known.

    One that does not answer is told of, and no reason to stop: Kolla says so where it cannot do without.
    """
    kolla.facts.mkdir(mode=0o700, parents=True, exist_ok=True)
    for host in concerned:
        for path in _kept(kolla.facts, host):
            path.unlink()
    fresh = time.time() - FACTS_TIMEOUT_S + MARGIN_S
    unknown = [
        host for host in others if all(path.stat().st_mtime <= fresh for path in _kept(kolla.facts, host))
    ]
    if not unknown:
        return
    result = kolla.run("gather-facts", unknown, what=f"facts of {len(unknown)} other hosts")
    silent = {host: failure for host in unknown if (failure := result.failure(host))}
    if silent:
        first, why = next(iter(silent.items()))
        log_line(
            f"warning: nothing is known of {', '.join(silent)}, which are in the inventory: {first}: {why.message}"
        )


def _kept(folder: Path, host: str) -> list[Path]:
    # Ansible puts the version of its serialization before the name.
    return [path for path in (folder / host, *folder.glob(f"s?_{host}")) if path.is_file()]
