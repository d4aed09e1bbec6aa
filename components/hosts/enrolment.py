"""What Kolla-Ansible makes of the hosts: one run for all that are new or changed, with a result for each."""

from collections.abc import Mapping
from typing import Any

import pulumi

Results = dict[str, dict[str, Any]]
"""By a host's name: ok; and where it is not, the step, the task, its message and where the log is."""


def describe(host: str, results: Results) -> str:
    """What became of HOST, in a few words."""
    result = results[host]
    return "enrolled" if result["ok"] else f"not enrolled: {result['step']} failed"


def all_enrolled(results: Results, hosts: Mapping[str, pulumi.Resource]) -> list[str]:
    """The names of all hosts, where all are enrolled.

    Raises:
        pulumi.RunError: one is not, which is told at that host; the next up goes on with what is missing.
    """
    sentences = {name: _failure(name, result) for name, result in results.items() if not result["ok"]}
    for name, sentence in sentences.items():
        pulumi.log.error(sentence, hosts[name])
    if sentences:
        count = len(sentences)
        lines = "".join(f"\n  - {sentence}" for sentence in sentences.values())
        raise pulumi.RunError(
            f"{count} of {len(results)} hosts {'is' if count == 1 else 'are'} not enrolled; the next up goes on with "
            f"what is missing:{lines}"
        )
    return list(results)


def _failure(name: str, result: Mapping[str, Any]) -> str:
    task = f", task {result['task']!r}" if result.get("task") else ""
    log = f" (log: {result['log']})" if result.get("log") else ""
    return f"host {name}: {result['step']}{task}: {result['message']}{log}"
