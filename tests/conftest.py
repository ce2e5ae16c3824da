"""The same examples in every run: a change is judged by what it did, not by the luck of the draw.

`HYPOTHESIS_PROFILE=random make test` draws new ones; `python -m bench.fuzz` looks for longer.
"""

import os
from importlib import import_module
from pkgutil import walk_packages

from hypothesis import settings

import migrator

# Hypothesis draws from the constants of the project's modules too, of those that are loaded: all are, so that
# it draws the same in whichever process a test runs
for _one in walk_packages(migrator.__path__, "migrator."):
    if not _one.name.endswith("__main__"):
        import_module(_one.name)

settings.register_profile("repeatable", derandomize=True)
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
