"""Reading a real API server: the same facts as from files, and every missing right is named.

Real: API server, RBAC, tokens, istiod and its webhook, statuses. Simulated: pods are Ready without
running (kwok). The control plane is this module's own, with the shop example and nothing else.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml

from migrator.adapters.files import read_sources
from migrator.adapters.kube.client import connect
from migrator.adapters.kube.permissions import roles
from migrator.adapters.kube.reading import read_cluster
from migrator.adapters.kube.resources import discover, is_namespaced, plural, resource_name
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.platform import ZTUNNEL, is_condition, nodes_without, shows_crds
from migrator.planner.file.planfile import load
from migrator.rules import all_rules, analyze

from .controlplane import ControlPlane
from .meshes import EXAMPLES, eventually, install
from .processes import free_port

ALONE = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: alone, namespace: default}
spec:
  selector: {matchLabels: {app: alone}}
  template:
    metadata: {labels: {app: alone}}
    spec: {containers: [{name: app, image: "registry.example.com/alone:1"}]}
"""
# istiod runs beside the API server here, so its webhooks have a URL; on a cluster that is another topology
BY_HARNESS = "AMB024"


@pytest.fixture(scope="module")
def shop():
    """A control plane with the shop example, its pods Ready."""
    with (
        tempfile.TemporaryDirectory(prefix="migrate-e2e-") as folder,
        ControlPlane(Path(folder)) as plane,
    ):
        plane.install_istio("ambient")
        install(plane, "shop")
        plane.kubectl("apply", "-f", "-", stdin=ALONE)

        def ready():
            pods = plane.get("pods", "-A")["items"]
            running = [p for p in pods if p.get("status", {}).get("phase") == "Running"]
            return len(pods) > 10 and len(running) == len(pods)

        assert eventually(ready, 90)
        yield plane


@pytest.fixture(scope="module")
def user(shop):
    """A kubeconfig of a service account that is bound to the roles of a test, and to nothing else."""
    shop.kubectl("create", "serviceaccount", "reader", "-n", "default")
    return token_kubeconfig(
        shop, shop.kubectl("create", "token", "reader", "-n", "default").strip()
    )


def token_kubeconfig(plane, token, name="token", server="", **cluster):
    config = json.loads(plane.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    config["clusters"][0]["cluster"] = {
        "server": server or plane.server,
        **(cluster or {"certificate-authority": str(plane.authority.ca.cert)}),
    }
    file = plane.folder / f"kubeconfig-{name}"
    file.write_text(json.dumps(config))
    return file


def migrate(kubeconfig, *arguments):
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *arguments, "--kubeconfig", str(kubeconfig)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def bind(plane, role, *, kind="ClusterRole"):
    """The user may what `role` says, and no more."""
    namespace = role["metadata"].get("namespace")
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": "reader", **({"namespace": namespace} if namespace else {})},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": kind,
            "name": role["metadata"]["name"],
        },
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}],
    }
    plane.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([role, binding]))


@pytest.fixture
def scanner(shop, user):
    """The user with the printed ClusterRole, which goes away with the test."""
    (role,) = roles("scan")
    bind(shop, role)
    yield user
    shop.kubectl("delete", "clusterrolebinding", "reader")


def steps(file):
    return {step.id: step.model_dump() for _, _, step in load(file.read_text()).steps()}


def findings(snapshot):
    return {
        (f.code, str(f.subject), f.path, f.message, f.severity)
        for f in analyze(Mesh(snapshot), all_rules())
    }


def test_the_plan_of_the_cluster_is_the_plan_of_its_manifests(shop, tmp_path):
    """Step by step, in the same order. Only these differ, and must:

    - sidecars are seen with HBONE here, and are only predicted from manifests: no step gives them HBONE;
    - Istio's own objects are the control plane's here, and the example's ConfigMap is not installed.
    """
    live, files = tmp_path / "live.yaml", tmp_path / "files.yaml"
    done = migrate(shop.kubeconfig, "plan", "--acknowledge", BY_HARNESS, "-o", str(live))
    assert done.returncode == 0, done.stderr
    subprocess.run(
        [sys.executable, "-m", "migrator", "plan", EXAMPLES / "shop" / "mesh", "-o", str(files)],
        check=True,
        capture_output=True,
    )

    seen, predicted = steps(live), steps(files)
    needless = [name for name in predicted if name not in seen]

    assert len(seen) > 10
    assert needless
    assert all(name.startswith("hbone.") for name in needless)
    assert list(seen) == [name for name in predicted if name not in needless]
    for name, step in seen.items():
        assert step == predicted[name], name
    header = load(live.read_text()).header
    assert (header.istio, header.istio_assumed) == ("1.31.0", False)


def test_the_cluster_and_a_dump_of_it_give_the_same_findings(shop, tmp_path):
    """Pods are known by their metadata alone here, and whole in the dump."""
    dump = tmp_path / "cluster.yaml"
    served = ",".join(resource_name(kind) for kind in discover(connect(str(shop.kubeconfig))))
    dump.write_text(shop.kubectl("get", served, "-A", "-o", "yaml"))
    live = read_cluster(connect(str(shop.kubeconfig))).snapshot
    dumped = read_sources([str(dump)]).snapshot

    assert live.complete
    assert findings(live) == findings(dumped)
    for workload in Mesh(dumped).workloads:
        (same,) = [w for w in Mesh(live).workloads if w.ref == workload.ref]
        assert Mesh(live).state(same) == Mesh(dumped).state(workload)


def test_what_only_a_cluster_shows_is_seen(shop):
    """istiod, its webhooks and settings, istio-cni's, and the agents on each node. Their pods do not run."""
    mesh = Mesh(read_cluster(connect(str(shop.kubeconfig))).snapshot)
    agents = [p for p in mesh.of(kinds.POD) if p.labels.get("k8s-app") == "istio-cni-node"]
    ztunnels = [p for p in mesh.of(kinds.POD) if p.labels.get("app") == "ztunnel"]

    assert [str(c.version) for c in mesh.control_planes] == ["1.31.0"]
    assert not mesh.webhooks.assumed
    assert mesh.cni.known
    assert mesh.config.get("defaultConfig", "discoveryAddress")
    assert agents
    assert ztunnels
    for pod in (*agents, *ztunnels):
        assert pod.spec["nodeName"] == "kwok-0"
        assert is_condition(pod, "Ready")
    assert nodes_without(mesh, ZTUNNEL) == ()
    assert {crd.status["conditions"][0]["status"] for crd in shows_crds(mesh)} == {"True"}
    assert all("schema" not in v for crd in shows_crds(mesh) for v in crd.spec["versions"])


def test_resources_are_called_as_the_server_calls_them(shop):
    served = discover(connect(str(shop.kubeconfig)))

    assert len(served) > 40
    for kind, one in served.items():
        assert (plural(kind), is_namespaced(kind)) == (one.plural, one.namespaced), kind


def test_the_printed_role_is_enough(shop, scanner):
    everything = read_cluster(connect(str(shop.kubeconfig))).snapshot

    def complete():
        snapshot = read_cluster(connect(str(scanner))).snapshot
        return snapshot.complete and snapshot

    assert {r.ref for r in eventually(complete)} == {r.ref for r in everything}
    done = migrate(scanner, "check")
    assert done.returncode == 3, done.stderr
    assert "incomplete" not in done.stderr


def test_no_right_of_the_printed_role_can_be_missing_unseen(shop, scanner):
    """Each verb of each resource that this server has is taken away alone; then it is named, alone."""
    api = connect(str(scanner))
    (whole,) = roles("scan")
    served = {(k.group, one.plural): k for k, one in discover(api).items()}
    tried = 0
    for group, resource, verb in rights(whole):
        kind = served.get((group, resource))
        if kind is None or (kind, verb) == (kinds.NAMESPACE, "get"):
            continue  # namespaces are asked for one by one only with --namespace
        bind(shop, without(whole, group, resource, verb))

        wanted = f"{verb} {resource_name(kind)} "

        def named(wanted=wanted):
            unread = read_cluster(api).snapshot.unread
            return unread and all(one.where.startswith(wanted) for one in unread)

        assert eventually(named, 20), (group, resource, verb)
        tried += 1

    assert tried > 40


def rights(role):
    for rule in role["rules"]:
        for resource in rule["resources"]:
            for verb in rule["verbs"]:
                yield rule["apiGroups"][0], resource, verb


def without(role, group, resource, verb):
    rules = []
    for rule in role["rules"]:
        if rule["apiGroups"] == [group] and resource in rule["resources"]:
            others = [one for one in rule["resources"] if one != resource]
            left = [one for one in rule["verbs"] if one != verb]
            rules.append({**rule, "resources": others})
            rules.append({**rule, "resources": [resource], "verbs": left})
        else:
            rules.append(rule)
    kept = [rule for rule in rules if rule["resources"] and rule["verbs"]]
    return {**role, "rules": kept}


def test_a_missing_right_is_exit_code_1_in_every_command(shop, scanner, tmp_path):
    (role,) = roles("scan")
    bind(shop, without(role, "security.istio.io", "authorizationpolicies", "list"))
    named = "list authorizationpolicies.security.istio.io in all namespaces"

    def refused():
        return read_cluster(connect(str(scanner))).snapshot.unread

    assert eventually(refused)
    for command in ("scan", "check", "estimate", "plan"):
        done = migrate(scanner, command)
        said = " ".join((done.stdout + done.stderr).split())
        assert done.returncode == 1, command
        assert named in said, command
    assert not migrate(scanner, "plan").stdout


def test_namespaces_need_only_roles(shop, user):
    made = roles("scan", ["shop"])
    for role in made:
        bind(shop, role, kind="Role")

    def complete():
        reading = read_cluster(connect(str(user)), namespaces=["shop"])
        return reading.snapshot.complete and reading

    reading = eventually(complete)
    done = migrate(user, "check", "--namespace", "shop")
    elsewhere = migrate(user, "check", "--namespace", "warehouse")

    assert "nodes" in reading.not_looked_at
    assert {w.namespace for w in Mesh(reading.snapshot).meshed} == {"shop"}
    assert done.returncode == 0, done.stderr
    assert "read only istio-system, shop" in done.stderr
    assert "not looked at" in done.stderr
    assert elsewhere.returncode == 1
    assert "list pods in namespace warehouse" in " ".join(elsewhere.stdout.split())
    for role in made:
        shop.kubectl("delete", "rolebinding", "reader", "-n", role["metadata"]["namespace"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"token": "expired"}, "login is missing or expired"),
        ({"server": "https://127.0.0.1:{free}"}, "does not answer"),
        ({"insecure-skip-tls-verify": False}, "certificate is not trusted"),
    ],
)
def test_a_cluster_that_cannot_be_read_is_said_in_words(shop, change, said):
    change = dict(change)
    server = change.pop("server", "").replace("{free}", str(free_port()))
    file = token_kubeconfig(shop, change.pop("token", "x"), "bad", server, **change)

    done = migrate(file, "check")

    assert done.returncode == 1
    assert done.stdout == ""
    assert said in done.stderr


def test_a_wrong_context_is_said_in_words(shop):
    done = migrate(shop.kubeconfig, "scan", "--context", "production")

    assert done.returncode == 1
    assert 'context "production" does not exist' in done.stderr
    assert "migrate-e2e" in done.stderr
