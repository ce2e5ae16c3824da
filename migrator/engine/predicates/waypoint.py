"""A waypoint is ready when it has an address, and every wanted replica is available.

`Programmed` looks at the Service's endpoints (istio/istio pilot/pkg/config/kube/gatewaycommon/conversion.go,
SetProgrammedCondition) and may stay True with no pod left, so the Deployment is asked itself.
"""

from collections.abc import Mapping
from typing import Any

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.model.resource import Ref
from migrator.model.verdict import State, Verdict
from migrator.ports import Body, ClusterReader
from migrator.steps import AnyStep, Check

from .bodies import (
    condition,
    generation,
    gone,
    is_ending,
    observed,
    ref_of,
    spec_of,
    status_of,
    subject,
    together,
    words,
)
from .rolled_out import readiness, wanted_replicas

_FINAL = frozenset({"Invalid", "UnsupportedAddress", "ListenersNotValid", "NotReconciled"})


def waypoint_ready(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:
    ref = subject(check, step)
    gateway = cluster.get(ref)
    if gateway is None:
        return gone(ref)
    if is_ending(gateway):
        return Verdict.failed(f"{ref} is being deleted: metadata.deletionTimestamp is set")
    for kind in ("Accepted", "Programmed"):
        verdict = _condition(ref, gateway, kind, cluster)
        if verdict.state is not State.DONE:
            return verdict
    addresses = [a["value"] for a in status_of(gateway).get("addresses") or () if a.get("value")]
    if not addresses:
        return Verdict.waiting(f"{ref}: status.addresses is empty; an address is awaited")
    deployment = _deployments(ref, cluster)
    if deployment.state is not State.DONE:
        return deployment
    return Verdict.done(
        f"{ref}: Accepted and Programmed, address {addresses[0]}; {deployment.says}"
    )


def deployments(ref: Ref, cluster: ClusterReader) -> tuple[Body, ...]:
    """Those that istiod made for the Gateway."""
    return tuple(
        cluster.list(kinds.DEPLOYMENT, ref.namespace, labels={names.GATEWAY_NAME: ref.name})
    )


def _condition(ref: Ref, gateway: Body, kind: str, cluster: ClusterReader) -> Verdict:
    found = condition(gateway, kind)
    says = f"{ref}: condition {kind} is {words(found)}"
    if found and observed(found) < generation(gateway):
        return Verdict.waiting(
            f"{says} at generation {observed(found)}; {generation(gateway)} is awaited"
        )
    if found.get("status") == "True":
        return Verdict.done(says)
    if found.get("status") == "False" and _is_final(gateway, found, cluster):
        return Verdict.failed(says)
    return Verdict.waiting(f"{says}; True is awaited")


def _is_final(gateway: Body, found: Mapping[str, Any], cluster: ClusterReader) -> bool:
    """Parameters are invalid for good only when the ConfigMap that they name is not there."""
    if found.get("reason") != "InvalidParameters":
        return found.get("type") == "Accepted" and found.get("reason") in _FINAL
    named = (spec_of(gateway).get("infrastructure") or {}).get("parametersRef") or {}
    namespace = gateway["metadata"].get("namespace", "")
    return cluster.get(Ref(*kinds.CONFIG_MAP, namespace, named.get("name", ""))) is None


def _deployments(ref: Ref, cluster: ClusterReader) -> Verdict:
    found = deployments(ref, cluster)
    if not found:
        return Verdict.waiting(
            f"{ref}: there is no Deployment with the label {names.GATEWAY_NAME}={ref.name}; one is awaited"
        )
    refs = [ref_of(body, kinds.DEPLOYMENT) for body in found]
    for each, body in zip(refs, found, strict=True):
        if not wanted_replicas(body):
            return Verdict.waiting(f"{each}: spec.replicas is 0; at least one is awaited")
    verdicts = [readiness(each, body) for each, body in zip(refs, found, strict=True)]
    return together(verdicts, verdicts[0].says)
