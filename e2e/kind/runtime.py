#!/usr/bin/env python3
"""runc, asked for no capability that this process itself may not have.

`--privileged` asks for every capability that runc knows, and runc fails where the machine withholds one.
This takes those out of what is asked, and never adds any.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

RUNC = "/usr/sbin/runc"
# in the order of their numbers in linux/capability.h
_LISTED = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE
"""
_NAMES = _LISTED.split()


def withheld() -> set[str]:
    """The capabilities outside this process's bounding set."""
    status = Path("/proc/self/status").read_text()
    mask = int(status.partition("CapBnd:")[2].split()[0], 16)
    return {f"CAP_{name}" for number, name in enumerate(_NAMES) if not mask >> number & 1}


def narrowed(process: dict, lacking: set[str]) -> dict:
    """An OCI process description without the capabilities that are lacking."""
    capabilities = process.get("capabilities") or {}
    kept = {s: [c for c in names or [] if c not in lacking] for s, names in capabilities.items()}
    return {**process, "capabilities": kept} if capabilities else process


def _rewrite(arguments: Sequence[str]) -> None:
    lacking = withheld()
    if {"create", "run"} & set(arguments):
        path = Path(next(_option(arguments, "--bundle", "-b"), ".")) / "config.json"
        config = json.loads(path.read_text())
        path.write_text(json.dumps({**config, "process": narrowed(config["process"], lacking)}))
    elif "exec" in arguments:
        for name in _option(arguments, "--process", "-p"):
            path = Path(name)
            path.write_text(json.dumps(narrowed(json.loads(path.read_text()), lacking)))


def _option(arguments: Sequence[str], *names: str) -> Iterator[str]:
    for number, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names:
            yield value if equals else arguments[number + 1]


if __name__ == "__main__":
    _rewrite(sys.argv[1:])
    os.execv(RUNC, ["runc", *sys.argv[1:]])  # noqa: S606
