"""A change of a stack, reviewed: its file, the policy, and what the next `up` would do to whom. `make review`, `make drift`.

It writes STACK.md, STACK.html and STACK.json. Exit codes: 0, nothing speaks against it; 1, the stack file is wrong, a policy
rule is broken, or there is no preview; 3, something is of the class that --fail-on names, or worse; 4, with --nothing-left:
something would change, or has been changed by hand.
"""

import os
import sys
from pathlib import Path

from clients.errors import CloudError
from operations.command import parser_of
from operations.engine import Stack
from operations.report.making import make
from operations.report.redaction import text
from operations.report.rendering import as_json, markdown, page
from operations.report.risk import Risk
from operations.stack_file.file import mistakes
from operations.stack_file.path import path_of

FOLDER = Path(".cloud/review")
POLICY = ("--policy-pack", "policy")
WRONG, LEFT = 1, 4


def _fenced(sentence: str) -> str:
    """SENTENCE so that Markdown shows it as it is, whatever is in it."""
    fence = "`" * 3
    while fence in sentence:
        fence += "`"
    return f"{fence}text\n{sentence.strip()}\n{fence}"


def review(stack: str, folder: Path, *, fail_on: str | None = None, nothing_left: bool = False) -> int:
    """Review STACK, whose file is in the folder that this process is in; the exit code.

    STACK.md is for a comment, STACK.html for a browser, and STACK.json for machines.
    """
    folder.mkdir(parents=True, exist_ok=True)
    comment, html, data = (folder / f"{stack}.{end}" for end in ("md", "html", "json"))
    for path in (comment, html, data):  # so that an earlier review is not taken for this one
        path.unlink(missing_ok=True)

    def refuse(why: str, sentences: list[str]) -> int:
        lines = [f"## 🔴 Stack {stack}: {why}", "", *map(_fenced, sentences)]
        comment.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return WRONG

    wrong = mistakes(path_of(stack))
    if wrong:
        return refuse("its file has mistakes, and no preview was made", wrong)
    try:
        report = make(Stack(stack), POLICY)
    except CloudError as error:
        return refuse("there is no preview", [text(str(error))])
    comment.write_text(markdown(report), encoding="utf-8")
    html.write_text(page(report), encoding="utf-8")
    data.write_text(as_json(report), encoding="utf-8")
    code = report.exit_code(fail_on)
    # Drift that is not known is an object that says why: that is no "nothing" either.
    return LEFT if not code and nothing_left and (report.changes or report.drift) else code


def main() -> int:
    """Review, and show the Markdown here and where GitHub shows a job's summary."""
    parser = parser_of("review", __doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where it is written to")
    classes = [risk.word for risk in Risk]
    parser.add_argument("--fail-on", choices=classes, help="a class of changes, as `make report` knows them")
    parser.add_argument("--nothing-left", action="store_true", help="fail where anything would change")
    given = parser.parse_args()
    code = review(given.stack, given.folder, fail_on=given.fail_on, nothing_left=given.nothing_left)
    comment = (given.folder / f"{given.stack}.md").read_text(encoding="utf-8")
    sys.stdout.write(comment)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(comment)
    return code


if __name__ == "__main__":
    sys.exit(main())
