"""Whose a throw-away thing is: the process that made it, in a word that the name of a cluster can hold.

`PLACE-PID-BIRTH`: a digest of the machine and its process namespace, the id of the process, and a digest of
when it began, by which a later process with the same id is told apart (on Linux; elsewhere the id is all).
"""

import hashlib
import os
import re
import signal
import socket
from contextlib import suppress
from pathlib import Path

from migrator.adapters.clock import SystemClock

_FORM = re.compile(r"([0-9a-f]{6})-([1-9][0-9]*)-([0-9a-f]{6})")
_PROC = Path("/proc")
_STATE, _STARTED = 0, 19  # of what follows the name in /proc/PID/stat, proc(5)
_END_SECONDS = 60.0
_PAUSE = 0.1


def mine() -> str:
    """The present process."""
    pid = os.getpid()
    return f"{_place()}-{pid}-{_birth(pid)}"


def used(owner: str) -> str:
    """Why what it made may still be wanted, in words; empty where that process has ended."""
    found = _FORM.fullmatch(owner)
    if found is None:
        return "it does not say whose it is"
    place, pid, birth = found.groups()
    if place != _place():
        return "it was made on another machine, or in another container"
    return f"the rehearsal of process {pid} uses it" if _lives(int(pid), birth) else ""


def end(owner: str) -> None:
    """Ask the process to end, if it is of this machine and lives, and wait for it."""
    found = _FORM.fullmatch(owner)
    if found is None or found[1] != _place():
        return
    pid, birth = int(found[2]), found[3]
    if _lives(pid, birth):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    clock = SystemClock()
    begin = clock.now()
    while _lives(pid, birth) and (clock.now() - begin).total_seconds() < _END_SECONDS:
        clock.sleep(_PAUSE)


def _lives(pid: int, birth: str) -> bool:
    try:
        with suppress(PermissionError):  # it is another user's
            os.kill(pid, 0)
    except ProcessLookupError:
        return False
    fields = _stat(pid)
    return _birth(pid) == birth and (not fields or fields[_STATE] != "Z")


def _place() -> str:
    namespace = ""
    with suppress(OSError):
        namespace = str((_PROC / "self/ns/pid").readlink())
    return _digest(socket.gethostname(), namespace)


def _birth(pid: int) -> str:
    boot = ""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text()
    return _digest(boot, *_stat(pid)[_STARTED : _STARTED + 1])


def _stat(pid: int) -> list[str]:
    with suppress(OSError):
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return []


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]
