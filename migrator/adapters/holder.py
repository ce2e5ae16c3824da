"""Who a run is in the Lease: user, machine and process; and whether another of this machine has ended."""

import os
import socket


def name() -> str:
    """`user@machine/process`."""
    user = os.environ.get("USER") or str(os.getuid())
    return f"{user}@{socket.gethostname()}/{os.getpid()}"


def is_gone(holder: str) -> bool:
    """Whether the holder was a process of this machine that has ended."""
    where, _, pid = holder.rpartition("/")
    if where.rpartition("@")[2] != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
