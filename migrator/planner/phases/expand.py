"""Phase 1: what is dormant until somebody is switched. Nothing changes for traffic.

Sidecars and ztunnel do not read policies with `targetRefs`, and nobody is bound to a waypoint yet; the
ALLOW for a waypoint's identity admits an identity that nobody has yet; NetworkPolicies only add.
"""

from collections.abc import Iterator
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.versions import Version
from migrator.model.resource import Ref
from migrator.planner.decisions.layout import Layout
from migrator.planner.plan import Gate, Phase, PhaseName, Wave
from migrator.steps import AnyStep, CreateObject, Target, UpdateSpec
from migrator.translate import network_policy, waypoint

from . import checks
from .handover import HandOver, rule_about

_OPTIONS_SINCE = Version(1, 26)
_NETWORK_RULES = (
    "network-policy-blocks-hbone",
    "network-policy-blocks-probes",
    "network-policy-ipblock-l7",
)


def expand(layout: Layout, handover: HandOver) -> Phase:
    """One wave for each namespace that gets an object."""
    steps: dict[str, list[AnyStep]] = {}
    for step in _steps(layout, handover):
        steps.setdefault(step.target.namespace, []).append(step)
    waves = tuple(
        Wave(
            name=f"expand-{namespace}",
            goal=f"Everything that the switch of {namespace} needs is there, and dormant.",
            steps=tuple(found),
            gates=(Gate(kind="checks", says="every check of the wave holds"),),
        )
        for namespace, found in sorted(steps.items())
    )
    return Phase(
        name=PhaseName.EXPAND,
        goal="Waypoints, policy copies and NetworkPolicies that change nothing until the switch.",
        waves=waves,
    )


def _steps(layout: Layout, handover: HandOver) -> Iterator[AnyStep]:
    yield from _network_policies(layout)
    for namespace in layout.waypoint_namespaces:
        yield from _waypoint(layout, namespace)
    for copy in handover.copies:
        yield _create(
            "copy",
            copy.manifest,
            why=f"The twin of {copy.policy.ref} for waypoints, which never read a selector. Dormant: "
            "sidecars and ztunnel do not read targetRefs.",
            rules=(rule_about(copy.policy),),
        )
    for manifest in handover.allows.values():
        yield _create(
            "allow",
            manifest,
            why="Calls through a waypoint, and a waypoint's own questions to an authorizer, arrive with "
            "the waypoint's identity; without this ALLOW they are refused. The callers themselves are "
            "judged at the waypoint, by the copies.",
            rules=("AMB111",),
        )
    for ref, (policy, spec) in handover.exempted.items():
        yield UpdateSpec(
            id=f"expand.exempt.{ref.namespace}.{ref.name}",
            target=Target.of(ref),
            spec=spec,
            old=dict(policy.spec),
            why="It denies every source but those that it names, and so the waypoint's own identity; "
            "behind the waypoint the real source is judged by the copy.",
            rules=("AMB111",),
            after=(checks.exists(ref),),
        )


def _network_policies(layout: Layout) -> Iterator[AnyStep]:
    subjects = {f.subject for rule in _NETWORK_RULES for f in layout.found(rule)}
    for ref in sorted(subjects):
        policy = layout.mesh.snapshot.get(ref)
        if policy is None or ref.group_kind != kinds.NETWORK_POLICY:
            continue
        yield _create(
            "network",
            network_policy.hbone_beside(policy.spec, ref.namespace, f"{ref.name}-hbone"),
            why=f"{ref} does not let TCP 15008 through, on which ambient traffic arrives, nor the "
            "addresses that kubelet probes come from.",
            rules=("AMB355", "AMB356"),
        )
    for namespace in layout.waypoint_namespaces:
        if any(
            r.namespace == namespace and not r.spec.get("podSelector")
            for r in layout.mesh.of(kinds.NETWORK_POLICY)
        ):
            yield _create(
                "network",
                network_policy.for_waypoint(
                    namespace, f"{waypoint.NAME}-traffic", layout.mesh.config.root_namespace
                ),
                why="A NetworkPolicy of the namespace selects every pod, and so the waypoint's.",
                rules=("AMB357",),
            )


def _waypoint(layout: Layout, namespace: str) -> Iterator[AnyStep]:
    mesh = layout.mesh
    labels = mesh.namespace(namespace).labels
    with_options = mesh.istio_version >= _OPTIONS_SINCE
    if with_options:
        restricted = labels.get(names.PSA_ENFORCE) == "restricted"
        yield _create(
            "options",
            waypoint.options(namespace, restricted=restricted),
            why="A waypoint with one replica is down whenever its node, or its template, changes.",
            rules=("AMB517",),
        )
    reasons = sorted({code for ref in layout.bound_in(namespace) for code in layout.bound[ref]})
    services = ", ".join(ref.name for ref in layout.bound_in(namespace))
    step = _create(
        "waypoint",
        waypoint.gateway(
            namespace, revision=labels.get(names.REVISION, ""), with_options=with_options
        ),
        why=f"Services that need an HTTP proxy in front: {services}.",
        rules=tuple(reasons),
    )
    yield step.model_copy(
        update={
            "after": (checks.waypoint_ready(namespace, waypoint.NAME),),
            "id": waypoint_step(namespace),
        }
    )


def waypoint_step(namespace: str) -> str:
    """The id of the step that makes the namespace's waypoint."""
    return f"expand.waypoint.{namespace}"


def object_ref(manifest: dict[str, Any]) -> Ref:
    group = manifest["apiVersion"].rpartition("/")[0]
    meta = manifest["metadata"]
    return Ref(group, manifest["kind"], meta.get("namespace", ""), meta["name"])


def _create(
    what: str, manifest: dict[str, Any], *, why: str, rules: tuple[str, ...]
) -> CreateObject:
    ref = object_ref(manifest)
    return CreateObject(
        id=f"expand.{what}.{ref.namespace}.{ref.kind.lower()}.{ref.name}",
        target=Target.of(ref),
        manifest=manifest,
        why=why,
        rules=rules,
        before=(checks.absent(ref),),
        after=(checks.exists(ref),),
    )
