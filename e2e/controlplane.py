"""Start and stop a whole control plane: API server, controllers, scheduler, kwok nodes, istiod.

Order and flags follow what each program needs from the one before it; everything listens on loopback, on
ports that were free.
"""

import json
import os
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from . import certificates, istio
from .binaries import binaries, module_folder
from .processes import Child, StartError, answers, free_port

STAGES = Path(__file__).parent / "stages"
TOKEN = "migrate-e2e-admin"  # noqa: S105  of a server that lives on loopback for a test run
# kwok nodes send no leases, and nothing measures what a HorizontalPodAutoscaler asks
_CONTROLLERS = (
    "*,-bootstrapsigner,-tokencleaner,-node-lifecycle-controller,"
    "-horizontal-pod-autoscaler-controller"
)


class Kubectl:
    """What every cluster of a test can be asked with."""

    binaries: dict[str, Path]
    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl against this cluster. Raises StartError with its words."""
        done = subprocess.run(
            [str(self.binaries["kubectl"]), "--kubeconfig", str(self.kubeconfig), *arguments],
            input=stdin, check=False, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        if done.returncode:
            message = f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
            raise StartError(message)
        return done.stdout

    def get(self, *arguments: str) -> Any:
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))


@dataclass
class Ports:
    """One free port for each listener."""

    etcd: int
    etcd_peer: int
    api: int
    istiod_http: int
    istiod_https: int
    istiod_grpc: int
    istiod_secure_grpc: int
    istiod_monitoring: int
    controllers: int
    scheduler: int

    @classmethod
    def free(cls) -> "Ports":
        return cls(*(free_port() for _ in cls.__dataclass_fields__))


class ControlPlane(Kubectl):
    """A running control plane; a context manager, so that it ends whatever happens."""

    def __init__(self, folder: Path, *, detached: bool = False, pod_seconds: float = 0) -> None:
        """`pod_seconds`: how long a pod takes to be Ready at least, and twice that at most."""
        self.folder = folder
        self.pod_seconds = pod_seconds
        self.istiod_settings: dict[str, str] = {}  # variables of istiod, before it is started
        self.ports = Ports.free()
        self.detached = detached
        self.children: list[Child] = []
        self.binaries = binaries()
        self.kubeconfig = folder / "kubeconfig"
        self.authority = certificates.Authority(folder / "pki")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def server(self) -> str:
        return f"https://127.0.0.1:{self.ports.api}"

    def start(self) -> None:
        self._etcd()
        self._api_server()
        self._controllers()
        self._nodes()
        self._gateway_api()

    def stop(self) -> None:
        """End every child, the last one first."""
        while self.children:
            self.children.pop().stop()

    def child(self, name: str) -> Child:
        """What was started by that name, for example `kube-apiserver`."""
        return next(child for child in self.children if child.name == name)

    def kill(self, name: str) -> None:
        """End one as a crash does; its data and its port stay."""
        self.child(name).kill()

    def restart(self, name: str) -> None:
        """Start one again, on the same port and the same data, and wait for it as at first."""
        self.child(name).restart()

    def install_istio(self, profile: str) -> None:
        """Istio's manifests and a real istiod beside them; `profile` is `default` or `ambient`."""
        istio.install(self, profile)

    def spawn(self, name: str, *arguments: str, env: dict[str, str] | None = None) -> Child:
        child = Child(
            name,
            [str(self.binaries[name]), *arguments],
            self.folder / f"{name}.log",
            env={**_plain_environment(), **(env or {})},
            detached=self.detached,
        )
        self.children.append(child)
        return child

    def _etcd(self) -> None:
        client = f"http://127.0.0.1:{self.ports.etcd}"
        peer = f"http://127.0.0.1:{self.ports.etcd_peer}"
        child = self.spawn(
            "etcd", "--data-dir", str(self.folder / "etcd"), "--unsafe-no-fsync",
            "--listen-client-urls", client, "--advertise-client-urls", client,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"default={peer}", "--log-level", "error",
        )  # fmt: skip
        child.wait_until(
            lambda: answers(f"{client}/health"), 30, "its health endpoint did not answer"
        )

    def _api_server(self) -> None:
        pki = self.authority
        tokens = self.folder / "tokens.csv"
        tokens.write_text(f'{TOKEN},admin,admin,"system:masters"\n')
        key = pki.service_account_key()
        certificate = pki.issue("apiserver")
        child = self.spawn(
            "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.ports.etcd}",
            f"--secure-port={self.ports.api}", "--bind-address=127.0.0.1",
            f"--tls-cert-file={certificate.cert}", f"--tls-private-key-file={certificate.key}",
            f"--cert-dir={self.folder / 'api-certs'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}", f"--service-account-signing-key-file={key}",
            f"--token-auth-file={tokens}", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.100.0.0/16",
            "--api-audiences=https://kubernetes.default.svc,istio-ca", "--allow-privileged=true",
            "--watch-cache=true", "--profiling=false",
        )  # fmt: skip
        self._write_kubeconfig()
        trusted = ssl.create_default_context(cafile=str(pki.ca.cert))
        child.wait_until(
            lambda: answers(f"{self.server}/readyz", trusted) or self._ready(),
            60,
            "/readyz did not answer",
        )

    def _ready(self) -> bool:
        try:
            return self.kubectl("get", "--raw", "/readyz").strip() == "ok"
        except (StartError, subprocess.TimeoutExpired):
            return False

    def _controllers(self) -> None:
        key = self.authority.service_account_key()
        self.spawn(
            "kube-controller-manager", f"--kubeconfig={self.kubeconfig}",
            f"--controllers={_CONTROLLERS}", "--leader-elect=false", "--authentication-skip-lookup",
            f"--service-account-private-key-file={key}", f"--root-ca-file={self.authority.ca.cert}",
            "--use-service-account-credentials=false", f"--secure-port={self.ports.controllers}",
            "--bind-address=127.0.0.1", f"--cert-dir={self.folder / 'kcm-certs'}",
            "--kube-api-qps=300", "--kube-api-burst=600",
        )  # fmt: skip
        self.spawn(
            "kube-scheduler", f"--kubeconfig={self.kubeconfig}", "--leader-elect=false",
            "--authentication-skip-lookup", f"--secure-port={self.ports.scheduler}",
            "--bind-address=127.0.0.1", f"--cert-dir={self.folder / 'sched-certs'}",
            "--kube-api-qps=300", "--kube-api-burst=600",
        )  # fmt: skip

    def _nodes(self) -> None:
        self.kubectl("apply", "-f", str(STAGES / "node.yaml"))
        stages = [f"--config={file}" for file in self._stages()]
        self.spawn(
            "kwok", f"--kubeconfig={self.kubeconfig}", "--manage-all-nodes=true",
            "--cidr=10.200.0.0/16", "--node-ip=127.0.0.1", *stages,
        )  # fmt: skip
        self.kubectl("wait", "node/kwok-0", "--for=condition=Ready", "--timeout=60s")
        # the admission plugin taints new nodes; the controller that takes it away is switched off
        self.kubectl("taint", "node", "kwok-0", "node.kubernetes.io/not-ready:NoSchedule-")
        self.kubectl("apply", "-f", "-", stdin=json.dumps(_volumes(20)))

    def _stages(self) -> list[Path]:
        files = sorted(STAGES.glob("stage-*.yaml"))
        return [self._slowed(file) for file in files] if self.pod_seconds else files

    def _slowed(self, file: Path) -> Path:
        stages = list(yaml.safe_load_all(file.read_text()))
        least = int(self.pod_seconds * 1000)
        for stage in stages:
            if stage["metadata"]["name"] == "pod-ready":
                stage["spec"]["delay"] = {
                    "durationMilliseconds": least, "jitterDurationMilliseconds": 2 * least,
                }  # fmt: skip
        slowed = self.folder / file.name
        slowed.write_text(yaml.safe_dump_all(stages))
        return slowed

    def _gateway_api(self) -> None:
        folder = module_folder("istio", "sigs.k8s.io/gateway-api") / "config/crd/standard"
        with tempfile.TemporaryDirectory() as copies:
            for file in folder.glob("gateway.networking*.yaml"):
                shutil.copy(file, copies)
            self.kubectl("apply", "--server-side", "-f", copies)

    def _write_kubeconfig(self) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "migrate-e2e",
            "clusters": [
                {
                    "name": "migrate-e2e",
                    "cluster": {
                        "server": self.server,
                        "certificate-authority": str(self.authority.ca.cert),
                    },
                }
            ],
            "users": [{"name": "admin", "user": {"token": TOKEN}}],
            "contexts": [
                {"name": "migrate-e2e", "context": {"cluster": "migrate-e2e", "user": "admin"}}
            ],
        }
        self.kubeconfig.write_text(json.dumps(config))


def _volumes(count: int) -> dict[str, Any]:
    """Static volumes for claims without class; nothing is ever mounted."""
    spec = {
        "capacity": {"storage": "1Ti"},
        "accessModes": ["ReadWriteOnce", "ReadWriteMany"],
        "hostPath": {"path": "/nowhere"},
    }
    items = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"v{i}"},
            "spec": spec,
        }
        for i in range(count)
    ]
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _plain_environment() -> dict[str, str]:
    """The environment without what could lead a program to another cluster."""
    return {
        k: v for k, v in os.environ.items() if k not in {"KUBECONFIG", "KUBERNETES_SERVICE_HOST"}
    }
