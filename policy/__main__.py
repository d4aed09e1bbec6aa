"""Where CrossGuard starts the pack: `pulumi preview --policy-pack policy`, as `make preview` and `make up` do."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # it is started by its folder, not as a package

from policy.pack import serve
from policy.rules import RULES

serve(RULES)
