"""ComponentResources made from a stack file, one folder per subject. The file's schema is in config/."""

import clients  # noqa: F401 - makes openstacksdk quick to import
