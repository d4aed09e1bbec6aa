"""`python -m dynamic_providers.osd_expansion`: go on with what the last `up` declared, as from a systemd timer.

Exit code 0: all is done; 3: the time was over, or an OSD is waited for; 1: an error.
"""

import argparse
import sys

from clients.errors import CloudError
from clients.progress import log_line
from dynamic_providers.osd_expansion import journal, runner
from dynamic_providers.osd_expansion.cluster import as_caps, connected, rights
from dynamic_providers.osd_expansion.provider import declared_in
from dynamic_providers.osd_expansion.work import described, look

CONTINUES = 3


def parser() -> argparse.ArgumentParser:
    """Describe the commands."""
    made = argparse.ArgumentParser(prog="python -m dynamic_providers.osd_expansion", description=__doc__)
    made.add_argument(
        "command",
        choices=("run", "plan", "restore", "caps"),
        help="run; print what there is to do; put back what a killed run has set; print the caps of the cephx user",
    )
    made.add_argument("--user", default="osd-expansion", help="cephx user without 'client.'")
    made.add_argument("--conf", help="path of ceph.conf")
    made.add_argument("--budget", type=int, metavar="SECONDS", help="instead of the declared one")
    made.add_argument("--probe-pool", default="volumes", metavar="POOL", help="for caps")
    return made


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Run one command."""
    given = parser().parse_args()
    if given.command == "caps":
        _print(as_caps(rights(given.probe_pool)))
        return 0
    try:
        with connected(given.user, given.conf) as cluster:
            declared = declared_in(cluster, given.user, given.conf)
            if declared is None:
                _print(
                    "Nothing is declared in this cluster: `osd_expansion` in the stack file, and `pulumi up`."
                )
                return 0
            if given.budget:
                declared = declared.model_copy(update={"time_budget_s": given.budget})
            if given.command == "restore":
                runner.end(cluster, declared.probe_pool)
                return 0
            if given.command == "plan":
                entries = journal.read(cluster)
                for osd, words in described(declared, *look(cluster, declared, entries), entries).items():
                    _print(f"{osd}: {words}")
                return 0
            outcome = runner.run(cluster, declared)
    except CloudError as error:
        log_line(str(error))
        return 1
    _print(outcome.left or "All OSDs are as declared.")
    return CONTINUES if outcome.left else 0


if __name__ == "__main__":
    sys.exit(main())
