"""What a plan costs, with what it opens and closes for every request: findings first, then the plan.

`python -m bench.planning NAMESPACES WORKLOADS PODS` prints seconds of the processor for each, and the most
memory in MiB. The mesh is in memory already: reading and writing files are not counted.
"""

import gc
import resource
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

from migrator.istio.mesh import Mesh
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.planner import PlanOptions, make_plan
from migrator.rules import all_rules, analyze

from .generate import Object, Size, manifests

LARGE = Size(2_000, 10, 1)  # 20,000 workloads


class Planned(NamedTuple):
    """Of one mesh."""

    workloads: int
    steps: int
    findings_seconds: float
    plan_seconds: float
    mib: float


def plan(size: Size) -> Planned:
    """Findings and plan of a generated mesh."""
    mesh = Mesh(Snapshot(_resources(size)))
    gc.freeze()
    begin = time.process_time()
    findings = analyze(mesh, all_rules())
    found = time.process_time()
    made = make_plan(mesh, findings, PlanOptions())
    end = time.process_time()
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return Planned(
        size.namespaces * size.workloads, len(made.steps()), found - begin, end - found, kib / 1024
    )


def _resources(size: Size) -> Iterator[Resource]:
    for body in manifests(size):
        yield Resource(_ref(body), body)


def _ref(body: Object) -> Ref:
    meta = body["metadata"]
    group = body["apiVersion"].rpartition("/")[0]
    return Ref(group, body["kind"], meta.get("namespace", ""), meta["name"])


if __name__ == "__main__":
    asked = Size(*map(int, sys.argv[1:4])) if len(sys.argv) == 4 else LARGE
    done = plan(asked)
    print(
        f"{done.workloads} workloads: findings {done.findings_seconds:.1f} s, plan of {done.steps} steps "
        f"with exposure {done.plan_seconds:.1f} s, {done.mib:.0f} MiB"
    )
