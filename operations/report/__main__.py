"""The command behind `make report`: what a stack's next `up` will do, to whom, and what has drifted. Changes nothing.

Exit codes: 0, the report is made; 1, it is not, or the preview failed and the report, which is made all the same, says
so; 2, the command was called wrongly; 3, the report is made, and something in it is of the class that --fail-on names,
or worse.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from clients.errors import CloudError
from operations.command import parser_of
from operations.engine import Stack
from operations.report.making import make
from operations.report.redaction import text
from operations.report.rendering import as_json, markdown, page
from operations.report.report import FAILED
from operations.report.risk import Risk


def main(words: Sequence[str] | None = None) -> int:
    """Run the command."""
    arguments = _arguments(words)
    try:
        report = make(
            Stack(arguments.stack), shlex.split(arguments.preview_args), with_drift=not arguments.no_drift
        )
    except CloudError as error:
        sys.stderr.write(f"report: {text(str(error))}\n")
        return FAILED
    if arguments.html:
        arguments.html.write_text(page(report), encoding="utf-8")
    if arguments.json:
        arguments.json.write_text(as_json(report), encoding="utf-8")
    if arguments.markdown == "-":
        sys.stdout.write(markdown(report))
    else:
        Path(arguments.markdown).write_text(markdown(report), encoding="utf-8")
    if report.errors:
        sys.stderr.write("report: the preview failed; the report says why\n")
    return report.exit_code(arguments.fail_on)


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = parser_of("report", __doc__)
    parser.add_argument("--markdown", default="-", metavar="FILE", help="where the Markdown goes; - is here")
    parser.add_argument("--html", type=Path, metavar="FILE", help="where the page goes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the same goes as data")
    parser.add_argument(
        "--fail-on",
        choices=[risk.word for risk in Risk],
        help="end with 3 where something is of this class or of a later one",
    )
    parser.add_argument("--no-drift", action="store_true", help="do not look for drift")
    parser.add_argument(
        "--preview-args",
        default="",
        metavar="WORDS",
        help="more words for `pulumi preview`, such as '--policy-pack policy'",
    )
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
