"""The same examples in every run: a change is judged by what it did, not by the luck of the draw.

`HYPOTHESIS_PROFILE=random make test` draws new ones; `python -m bench.fuzz` looks for longer.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
