"""The requests of a check, recorded once and then asked for again: the least that reading could cost.

`python -m bench.replay record FILE` runs `migrate check` and notes its GETs; `python -m bench.replay FILE`
asks for the same lists in the same pages, side by side, and throws every answer away. The second imports
nothing of the product.
"""

import json
import os
import ssl
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3

_AT_ONCE = 8
_CONTINUE = "&continue="


def record(file: Path) -> None:
    """Check the cluster of KUBECONFIG; its requests go to `file`, further pages left out."""
    from migrator.adapters.kube.client import Api
    from migrator.cli import main

    asked: list[tuple[str, str]] = []
    send = Api._try  # noqa: SLF001  what is really sent

    def noted(self: Api, request: Any, *, last: bool) -> Any:
        if request.method == "GET" and _CONTINUE not in request.target:
            asked.append((request.target, request.headers["Accept"]))
        return send(self, request, last=last)

    Api._try = noted  # type: ignore[method-assign]  # noqa: SLF001
    sys.argv = ["migrate", "check", "-o", "json"]
    try:
        main()
    finally:
        file.write_text(json.dumps(asked))


def replay(file: Path) -> None:
    """Ask for everything in `file`, with all further pages."""
    config = json.loads(Path(os.environ["KUBECONFIG"]).read_text())  # the harness writes JSON
    cluster = config["clusters"][0]["cluster"]
    trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
    pool = urllib3.PoolManager(maxsize=_AT_ONCE, ssl_context=trust)
    token = config["users"][0]["user"]["token"]

    def pages(target: str, accept: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": accept}
        following = ""
        while True:
            url = cluster["server"] + target + (following and _CONTINUE + following)
            answer = pool.request("GET", url, headers=headers, timeout=120)
            _, found, rest = answer.data[:2000].partition(b'"continue":"')
            following = rest.partition(b'"')[0].decode() if found else ""
            if not following:
                return

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for done in [threads.submit(pages, *one) for one in json.loads(file.read_text())]:
            done.result()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["record", name]:
            record(Path(name))
        case [name]:
            replay(Path(name))
        case other:
            sys.exit(f"[record] FILE: {other}")
