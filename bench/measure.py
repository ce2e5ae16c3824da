"""What a command costs: wall-clock seconds, seconds of the processor, and the most memory that it held."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# A process of its own between us and the command: Linux counts the memory of whoever forks to the child
_MEASURE = """
import resource, subprocess, sys, time
begin = time.perf_counter()
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
seconds = time.perf_counter() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(code, used.ru_maxrss, seconds, used.ru_utime + used.ru_stime)
"""


class Cost(NamedTuple):
    """Of one process."""

    seconds: float
    mib: float
    code: int
    cpu: float


def measure(command: Sequence[str], env: Mapping[str, str] | None = None) -> Cost:
    """Run `command` as the only child of a process that then tells what it needed."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **(env or {})},
    )
    code, kib, seconds, cpu = done.stdout.split()
    return Cost(float(seconds), int(kib) / 1024, int(code), float(cpu))
