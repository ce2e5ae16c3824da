"""`python -m e2e.kind check|test|up|clean`.

The exit status is 77 where this machine cannot have such a cluster; each thing that is missing is said. make
turns it into 2, so the last line says what it means.
"""

import os
import subprocess
import sys

from e2e.binaries import MissingToolError

from .cluster import KindCluster, running_cluster
from .engine import Engine
from .needs import INSTALL, NOT_HERE, install, lacking


def main(arguments: list[str]) -> int:
    match arguments:
        case ["check"]:
            return _said(lacking())
        case ["test", *tests]:
            return _ready() or _test(tests)
        case ["up"]:
            return _ready() or _up()
        case ["clean"]:
            Engine().clean()
            return 0
        case _:
            print("check | test [FILE …] | up | clean")
            return 2


def _ready() -> int:
    if os.environ.get(INSTALL) == "1":
        install()
    return _said(lacking())


def _test(tests: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *(tests or ["e2e/kind"])]
    return subprocess.run(command, check=False).returncode


def _up() -> int:
    try:
        with running_cluster(keep=True) as cluster:
            _explain(cluster)
    except MissingToolError as error:
        return _said([str(error)])
    return 0


def _explain(cluster: KindCluster) -> None:
    kubectl = f"{cluster.binaries['kubectl']} --kubeconfig {cluster.kubeconfig}"
    print(
        f"\n    nsenter --net={cluster.engine.namespace} {kubectl} get pods -A\n\n"
        f"    DOCKER_HOST=unix://{cluster.engine.socket} docker ps\n\n`make kind-clean` ends and removes it."
    )


def _said(missing: list[str]) -> int:
    for sentence in missing:
        print(f"kind: {sentence}", file=sys.stderr)
    if not missing:
        return 0
    print(f"kind: NOT RUN, so neither passed nor failed: exit status {NOT_HERE}", file=sys.stderr)
    return NOT_HERE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
