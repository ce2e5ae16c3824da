"""What protects a workload, and whether ztunnel alone would still do it."""

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.authz import action_of, is_dry_run
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Effect
from migrator.model.resource import Resource

_GUARDING_WASM_PHASES = {"AUTHN", "AUTHZ"}


def is_guarded(mesh: Mesh, workload: Workload) -> bool:
    """Whether something at HTTP level protects it that only its sidecar, or a waypoint, enforces."""
    if any(needs_waypoint(mesh, policy) for policy in enforced_on(mesh, workload)):
        return True
    if mesh.attachments.on_workload(kinds.REQUEST_AUTHENTICATION, workload):
        return True
    plugins = mesh.attachments.on_workload(kinds.WASM_PLUGIN, workload)
    return any(plugin.spec.get("phase") in _GUARDING_WASM_PHASES for plugin in plugins)


def enforced_on(mesh: Mesh, workload: Workload) -> tuple[Resource, ...]:
    """The AuthorizationPolicies in force on its pods; a dry-run one only logs."""
    policies = mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload)
    return tuple(policy for policy in policies if not is_dry_run(policy))


def has_allow(mesh: Mesh, workload: Workload) -> bool:
    """Whether an ALLOW policy is in force, so that everything else is refused."""
    return any(action_of(policy) == "ALLOW" for policy in enforced_on(mesh, workload))


def needs_waypoint(mesh: Mesh, policy: Resource) -> bool:
    """Whether ztunnel alone would not enforce the AuthorizationPolicy as it is written."""
    if is_dry_run(policy):
        return False
    return mesh.effect(policy).effect is not Effect.FAITHFUL


def can_narrow(mesh: Mesh, policy: Resource) -> bool:
    """Whether the policy may be narrowed to pods with a sidecar, and there is a reason to.

    The injector stamps `security.istio.io/tlsMode` on sidecars only, not on gateways
    (manifests/charts/istio-control/istio-discovery/files/injection-template.yaml has it,
    gateway-injection-template.yaml and kube-gateway.yaml have not): a policy that also protects a
    gateway would let everything pass there. One without selector is also the default for workloads that
    come later, so it stays as it is unless ztunnel would deny more by it than it asks.
    """
    if not needs_waypoint(mesh, policy):
        return False
    has_selector = bool((policy.spec.get("selector") or {}).get("matchLabels"))
    if not has_selector and not _denies_more(mesh, policy):
        return False
    protects = mesh.attachments.workloads_of(policy)
    return all(w.role is Role.APP and not is_ambient_already(mesh, w) for w in protects)


def is_ambient_already(mesh: Mesh, workload: Workload) -> bool:
    """Whether ztunnel enforces its policies now: what is taken from it, or narrowed to sidecars, opens."""
    return mesh.would_be_enrolled(workload) and not mesh.has_sidecar(workload)


def over_denies(mesh: Mesh, policy: Resource) -> bool:
    """Whether ztunnel would deny more than the DENY policy asks, and it cannot be narrowed."""
    return _denies_more(mesh, policy) and not can_narrow(mesh, policy)


def _denies_more(mesh: Mesh, policy: Resource) -> bool:
    denies = action_of(policy) == "DENY" and not is_dry_run(policy)
    return denies and mesh.effect(policy).over_matches
