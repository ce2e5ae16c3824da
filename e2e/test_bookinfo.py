"""A small mesh of the shape of Istio's book page, installed and injected, then read from files and live.

Real: admission, injection of sidecars and of a gateway, the API that `migrate` reads, every command as a
user runs it. Simulated: pods are Ready without running (kwok), and istiod runs beside the cluster, which
`migrate` notices: the injector's webhook has a URL.
"""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import pytest
import yaml

from .controlplane import ControlPlane
from .istio import TAG
from .meshes import eventually

MANIFESTS = Path(__file__).parent / "manifests" / "bookinfo"
WORKLOADS = {"details-v1": 1, "productpage-v1": 2, "ratings-v1": 1}
WORKLOADS |= {"reviews-v1": 1, "reviews-v2": 1, "reviews-v3": 1}
BESIDE = ("AMB024", "MutatingWebhookConfiguration", "", "istio-sidecar-injector")
DUMPED = (
    "namespaces,pods,services,serviceaccounts,deployments,replicasets,daemonsets,configmaps,nodes,"
    "mutatingwebhookconfigurations,customresourcedefinitions,authorizationpolicies,peerauthentications,"
    "virtualservices,destinationrules,gateways.networking.istio.io"
)


@pytest.fixture(scope="module", params=["ambient", "default"])
def sources(request, tmp_path_factory):
    """What `migrate` can be given for one and the same mesh, by name; and Istio's profile."""
    folder = Path(tmp_path_factory.mktemp(request.param))
    with ControlPlane(Path(tmp_path_factory.mktemp("books"))) as plane:
        plane.install_istio(request.param)
        for file in sorted(MANIFESTS.glob("*.yaml")):
            plane.kubectl("apply", "--server-side", "-f", str(file))
        assert eventually(lambda: _running(plane) == sum(WORKLOADS.values()) + 2, 60)
        plane.kubectl(
            "annotate", *BESIDE[1::2],
            "ignore-check.migrate/AMB024=istiod runs beside the cluster in this test",
        )  # fmt: skip
        dump = folder / "dump.yaml"
        dump.write_text(plane.kubectl("get", DUMPED, "-A", "-o", "yaml"))
        yield (
            {
                "files": [str(MANIFESTS), str(_istio_as_files(plane, request.param, folder))],
                "live": ["--kubeconfig", str(plane.kubeconfig)],
                "dump": [str(dump)],
            },
            request.param,
        )


def _running(plane):
    pods = [p for space in ("books", "books-edge") for p in plane.get("pods", "-n", space)["items"]]
    return sum(p.get("status", {}).get("phase") == "Running" for p in pods)


def _istio_as_files(plane, profile, folder):
    """What Istio's installer renders: the files that a platform team has in its repository."""
    file = folder / "istio.yaml"
    with file.open("w") as out:
        subprocess.run(
            [str(plane.binaries["istioctl"]), "manifest", "generate", f"--set=profile={profile}",
             f"--set=tag={TAG}"],
            check=True, stdout=out, timeout=120,
        )  # fmt: skip
    return file


def migrate(*arguments):
    environment = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    done = subprocess.run(
        [sys.executable, "-m", "migrator", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip
    assert done.returncode in {0, 3}, done.stderr
    return done.stdout


@cache
def check(*source):
    return json.loads(migrate("check", "-o", "json", *source))


def findings(source):
    """What `check` says of each object and field; files and lines are only in files."""
    found = check(*source)
    assert found["complete"]
    by_key = {}
    for one in found["findings"]:
        key = (one["code"], one["kind"], one["namespace"], one["name"], one["path"])
        by_key[key] = {k: v for k, v in one.items() if k not in {"file", "line"}}
    return by_key, found


@cache
def plan(*source):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "plan.yaml"
        migrate("plan", "-o", str(file), *source)
        return yaml.load(file.read_text(), yaml.CSafeLoader)


def steps(found):
    return {
        step["id"]: (phase["name"], step)
        for phase in found["phases"]
        for wave in phase["waves"]
        for step in wave["steps"]
    }


def test_a_live_cluster_shows_as_facts_what_files_let_one_predict(sources):
    given, profile = sources
    declared = {(w["namespace"], w["name"]): w for w in inventory(given["files"])}
    seen = {(w["namespace"], w["name"]): w for w in inventory(given["live"])}
    mode = "sidecar-hbone" if profile == "ambient" else "sidecar"

    assert {name for space, name in seen if space == "books"} == WORKLOADS.keys()
    for key, live in seen.items():
        files = declared[key]
        if live["role"] == "app":
            assert files["data_plane"]["mode"] == "sidecar"
            assert live["data_plane"] == {
                "mode": mode, "seen": True, "detail": f"{mode} {WORKLOADS[key[1]]}",
            }  # fmt: skip
            assert (files["injection"]["seen"], live["injection"]["seen"]) == (False, True)
        for fact in (
            "role",
            "replicas",
            "service_account",
            "mtls",
            "policies",
            "routes",
            "services",
        ):
            assert live[fact] == files[fact], (key, fact)
    assert seen["books-edge", "entrance"]["data_plane"]["mode"] == "gateway"


def test_nothing_of_istio_itself_counts_as_having_a_sidecar(sources):
    own = [w for w in inventory(sources[0]["live"]) if w["namespace"] == "istio-system"]

    assert {w["data_plane"]["mode"] for w in own if w["role"] == "control-plane"} == {"none"}
    assert not any(w["injection"]["fact"] for w in own)


def inventory(source):
    return json.loads(migrate("scan", "-o", "json", *source))["inventory"]


def test_check_says_of_the_cluster_what_it_says_of_files_and_which_sidecars_take_no_hbone(sources):
    given, profile = sources
    declared, from_files = findings(given["files"])
    live, from_cluster = findings(given["live"])
    seen_on_pods = {k for k in live if k[0] == "AMB322"}

    assert {name for *_, name, _ in seen_on_pods} == (
        WORKLOADS.keys() if profile == "default" else set()
    )
    assert {key: live[key] for key in live.keys() - seen_on_pods} == declared
    assert from_cluster["waypoints"] == from_files["waypoints"]
    assert from_cluster["istio"] == from_files["istio"] == {"version": TAG, "assumed": False}
    suppressed = [
        (s["code"], s["kind"], s["namespace"], s["name"]) for s in from_cluster["suppressed"]
    ]
    assert (from_files["suppressed"], suppressed) == ([], [BESIDE])
    assert {"AMB101", "AMB111", "AMB201", "AMB213", "AMB219"} <= {code for code, *_ in live}


def test_the_plan_of_the_cluster_is_that_of_the_files_but_for_what_only_pods_tell(sources):
    """Pods bear a label when they take HBONE: then none is restarted for it, else the reason is a fact.

    From files every workload that refuses plaintext is restarted, for what runs there is not known.
    """
    given, profile = sources
    declared, live = plan(*given["files"]), plan(*given["live"])
    of_files, of_cluster = steps(declared), steps(live)
    restarts = {f"hbone.books.deployment.{name}" for name in WORKLOADS}

    assert restarts <= of_files.keys()
    assert of_cluster.keys() == of_files.keys() - (restarts if profile == "ambient" else set())
    for name, (phase, step) in of_cluster.items():
        expected = dict(of_files[name][1])
        if name in restarts:
            expected |= {"why": step["why"], "rules": ["AMB322"]}
            assert "cannot receive HBONE yet" in step["why"]
        assert (phase, step) == (of_files[name][0], expected)
    for part in ("scope", "waypoints", "blockers", "exclusions"):
        assert live[part] == declared[part]
    assert len(of_cluster) > 10


def test_a_dump_is_read_like_the_cluster(sources):
    given, _ = sources

    assert findings(given["dump"])[0] == findings(given["live"])[0]
    assert plan(*given["dump"])["phases"] == plan(*given["live"])["phases"]
