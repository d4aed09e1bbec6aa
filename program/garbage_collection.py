"""Turn Python's garbage collector off: nearly all objects of a run live until the program ends.

`__main__.py` imports this before everything else, because the program's imports make most of these objects.
docs/adr/0025-costly-sdk-features.md says what it costs.
"""

import atexit
import gc
import os

from program.sdk_patches import AS_IT_IS

if not os.environ.get(AS_IT_IS):
    gc.disable()
    atexit.register(gc.freeze)  # the interpreter collects once more as it ends
