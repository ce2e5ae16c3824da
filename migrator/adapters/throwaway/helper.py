"""A program that is asked and answers in JSON, a document a line, and ends with its input."""

import json
import os
import selectors
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migrator.errors import ClusterError

_END_SECONDS = 30
_TAIL = 20


class Helper:
    """The running program. What it starts ends when it does; it ends when nobody can ask any more."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._words = tempfile.TemporaryFile(mode="w+")  # noqa: SIM115  read when it has failed
        self._process = subprocess.Popen(  # noqa: S603  the caller's own command
            list(command),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            text=True,
            env=_environment(folder),
            start_new_session=True,  # Ctrl-C is for who asks, who then ends it in order
        )

    def ask(self, do: str, seconds: float, **more: Any) -> Mapping[str, Any]:
        """Its answer. Raises ClusterError when it has none in time, or says that it failed."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise ClusterError("the helper has no pipes")
        try:
            stdin.write(json.dumps({"do": do, **more}) + "\n")
            stdin.flush()
        except BrokenPipeError as error:
            raise self._ended(do) from error
        with selectors.DefaultSelector() as ready:
            ready.register(stdout, selectors.EVENT_READ)
            if not ready.select(seconds):
                raise ClusterError(f"{do}: no answer within {seconds:.0f} s", detail=self._tail())
        line = stdout.readline()
        if not line:
            raise self._ended(do)
        answer: Mapping[str, Any] = json.loads(line)
        if answer.get("error"):
            raise ClusterError(f"{do}: it failed", detail=str(answer["error"]))
        return answer

    def end(self) -> None:
        """Close its input and wait; SIGTERM, then SIGKILL for one that does not end."""
        for stop in (self._close, self._process.terminate, self._process.kill):
            stop()
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                continue
            break
        self._words.close()

    def _close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue

    def _ended(self, do: str) -> ClusterError:
        code = self._process.wait(_END_SECONDS)
        return ClusterError(f"{do}: the helper ended with {code}", detail=self._tail())

    def _tail(self) -> str:
        self._words.seek(0)
        return "".join(self._words.readlines()[-_TAIL:]).strip()


def _environment(folder: Path) -> dict[str, str]:
    """Without what could lead it to a cluster of somebody's."""
    kept = {
        k: v for k, v in os.environ.items() if k not in {"KUBECONFIG", "KUBERNETES_SERVICE_HOST"}
    }
    return {**kept, "PYTHONPATH": str(folder)}
