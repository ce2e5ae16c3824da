"""Phase 0: what must be true before, most of it a person's, and sidecars that can receive HBONE."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.pods import dataplane
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref
from migrator.planner.decisions.handled import PREPARED
from migrator.planner.decisions.layout import Layout
from migrator.planner.plan import Gate, Phase, PhaseName, Wave
from migrator.steps import AnyStep, Check, Disruption, Person, RestartWorkload, Target

from . import checks

_ROLLS = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.DAEMON_SET, kinds.ROLLOUT)
_CLUSTER = Target(kind="Cluster", name="cluster")


def prepare(layout: Layout) -> Phase:
    """Ambient components, CRDs, and one rolling restart of servers that ambient callers will reach."""
    waves = [
        Wave(
            name="ambient-components",
            goal="Ambient runs beside the sidecars; nobody uses it yet.",
            steps=tuple(_components(layout)),
            gates=(
                Gate(kind="checks", says="every check of the wave holds"),
                Gate(kind="person", says="the ingress still serves, and dashboards are as before"),
            ),
        )
    ]
    for namespace in layout.mesh.meshed_namespaces:
        steps = tuple(_hbone_restarts(layout, namespace))
        if steps:
            waves.append(
                Wave(
                    name=f"hbone-{namespace}",
                    goal=f"The sidecars of {namespace} can receive HBONE from ambient callers.",
                    steps=steps,
                    gates=(Gate(kind="checks", says="every check of the wave holds"),),
                )
            )
    return Phase(
        name=PhaseName.PREPARE,
        goal="What must be true before anything is switched.",
        waves=tuple(waves),
    )


def _components(layout: Layout) -> Iterator[AnyStep]:
    yield _person(
        layout,
        "prepare.istiod",
        title="enable ambient in istiod, on every revision",
        instruction="Upgrade the release with `profile: ambient` (Helm: istiod values `profile=ambient`; "
        "istioctl: `--set profile=ambient` with components.ingressGateways kept as they are, because "
        "that profile disables them and the installer prunes what is disabled).",
        why="Without it ztunnel is told nothing, and sidecars cannot receive HBONE.",
        check=checks.istiod_ambient(),
    )
    yield _person(
        layout,
        "prepare.dataplane",
        title="install istio-cni with ambient enabled, then ztunnel",
        instruction="Helm: istio/cni with `profile=ambient`, then istio/ztunnel, both of istiod's "
        "version; on platforms with their own CNI folders with `global.platform` set.",
        why="A node without either leaves pods that match the label without network.",
        check=checks.nodes_ready(),
    ).model_copy(update={"requires": ("prepare.istiod",)})
    if layout.bound:
        yield _person(
            layout,
            "prepare.gateway-api",
            title="install the Gateway API CRDs that this Istio asks for",
            instruction="Apply the standard channel of the Gateway API at the version in Istio's release "
            "notes; CRDs are shared by the whole cluster, so agree with their other users.",
            why="The plan makes waypoints, and a waypoint is a Gateway.",
            check=checks.gateway_api(),
        )


def _person(  # noqa: PLR0913  each is a field of the step
    layout: Layout, name: str, *, title: str, instruction: str, why: str, check: Check
) -> Person:
    """An instruction, with what the source shows of the matter now."""
    found = [f for f in layout.findings if PREPARED.get(f.rule) == name]
    shown = [f"Now, at {f.subject}: {f.message} {f.fix}" for f in found]
    return Person(
        id=name,
        target=_CLUSTER,
        title=title,
        instruction=" ".join([instruction, *shown]),
        why=why,
        rules=tuple(sorted({f.code for f in found})),
        after=(check,),
    )


def _hbone_restarts(layout: Layout, namespace: str) -> Iterator[AnyStep]:
    mesh = layout.mesh
    for workload in mesh.workloads_in(namespace):
        if not mesh.has_sidecar(workload) or workload.ref.group_kind not in _ROLLS:
            continue
        if mesh.services.of_workload(workload) and _would_refuse_plaintext(layout, workload):
            seen = mesh.state(workload).seen
            yield RestartWorkload(
                id=f"hbone.{step_name(workload.ref)}",
                target=Target.of(workload.ref),
                template_path=workload.template_path,
                why="It refuses plaintext, or judges callers by identity, and its sidecars "
                + ("cannot receive HBONE yet." if seen else "are not known to receive HBONE.")
                + " Until they can, calls from ambient pods reach it in plaintext.",
                rules=("AMB322",),
                requires=("prepare.istiod", "prepare.dataplane"),
                disruption=Disruption.RESTART,
                after=(checks.rolled_out(workload.ref), checks.pods_accept_hbone(workload.ref)),
            )


def _would_refuse_plaintext(layout: Layout, workload: Workload) -> bool:
    mesh = layout.mesh
    if mesh.state(workload).mode is dataplane.Mode.SIDECAR_HBONE:
        return False
    judged = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    return mesh.mtls(workload).strict or bool(judged)


def step_name(ref: Ref) -> str:
    """`namespace.kind.name`, the middle of a step's id."""
    return f"{ref.namespace}.{ref.kind.lower()}.{ref.name}" if ref.namespace else ref.name
