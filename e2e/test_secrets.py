"""Secrets, tokens and environment values reach no file, no record in the cluster and no word of a command."""

import base64
import gzip
import json

import pytest

from . import applying, scenes
from .cni_standin import CniStandIn
from .controlplane import TOKEN, ControlPlane
from .processes import free_port


@pytest.fixture
def plane(tmp_path_factory):
    with ControlPlane(tmp_path_factory.mktemp("plane")) as running:
        running.install_istio("ambient")
        with CniStandIn(running):
            yield running


CANARY = "canary-7f3a"


def _with_secrets(objects):
    """Where people put what nobody else may read: Secrets, settings, environment, arguments, annotations."""
    name = objects[0]["metadata"]["name"]
    for body in objects:
        if (
            body["kind"] != "AuthorizationPolicy"
        ):  # one is deleted, and must be made again as it was
            noted = body["metadata"].setdefault("annotations", {})
            noted["example.com/token"] = f"{CANARY}-annotation"
        if body["kind"] == "Deployment":
            (container,) = body["spec"]["template"]["spec"]["containers"]
            container["env"] = [
                {"name": "PASSWORD", "value": f"{CANARY}-env"},
                {"name": "FROM_SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ]
            container["args"] = [f"--token={CANARY}-args"]
            container["command"] = ["run", f"{CANARY}-command"]
            kept = json.dumps(body)
            body["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = (
                kept
            )
    secret = {"kind": "Secret", "stringData": {"k": f"{CANARY}-secret"}}
    settings = {"kind": "ConfigMap", "data": {"k": f"{CANARY}-settings"}}
    named = {"apiVersion": "v1", "metadata": {"name": "s", "namespace": name}}
    return [*objects, {**named, **secret}, {**named, **settings}]


def _texts(folder, plane):
    """Everything that the commands left behind, unpacked: files, and the run's own ConfigMaps."""
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            yield file.name, gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    found = plane.get("configmaps", "-n", applying.ROOT_NAMESPACE)["items"]
    for body in (b for b in found if b["metadata"]["name"].startswith("migrate-")):
        yield body["metadata"]["name"], json.dumps(body).encode()
        for value in body["binaryData"].values():
            yield body["metadata"]["name"], gzip.decompress(base64.b64decode(value))


def test_what_is_secret_reaches_no_file_no_record_and_no_word(plane, tmp_path):
    """Canaries in every place that holds secrets, and tokens of this run; every command is run."""
    objects = _with_secrets(scenes.objects_of("guarded", scenes.new_name()))
    tokens = {"MIGRATE_PROMETHEUS_TOKEN": f"{CANARY}-token"}
    nowhere = f"http://127.0.0.1:{free_port()}"
    words = {}

    def run(*arguments):
        done = applying.migrate(plane, *arguments, env=tokens)
        words[" ".join(arguments)] = done.stdout + done.stderr
        return done.returncode

    with scenes.staged(plane, tmp_path, objects) as mesh:
        plan, saved = str(mesh.make_plan()), str(tmp_path / "saved.snapshot")
        assert run("scan", "--save", saved) == 0
        for form in ("json", "yaml", "sarif", "markdown"):
            assert run("check", "-o", form, "-n", mesh.name) in {0, 3}
        assert run("apply", plan, "--yes", "--prometheus", nowhere) == 1
        assert run("apply", plan, "--yes", "-", "--to") == 2
        for command in (
            ("show",), ("show", "-o", "json"), ("diff",), ("diff", "--server"), ("apply", "--dry-run"),
            ("apply", "--yes"), ("status", "-o", "json"), ("verify", "-o", "json"),
            ("rollback", "--yes"), ("status",),
        ):  # fmt: skip
            name, *options = command
            assert run(name, plan, *options) == 0, words
        assert run("export", plan, str(tmp_path / "export")) == 0
        left = [*_texts(tmp_path, plane), *((k, v.encode()) for k, v in words.items())]
        names = {name for name, _ in left}
        assert {"plan.yaml", "plan.md", "plan.snapshot", "plan.journal", "saved.snapshot"} <= names
        assert any(name.startswith("migrate-") for name in names)
        assert any(b"orders-reading" in text for name, text in left if name.startswith("migrate-"))
    for secret in (CANARY, TOKEN):
        places = {name: text for name, text in left if secret.encode() in text}
        assert not places, (secret, places)
