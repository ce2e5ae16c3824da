"""Istio for the control plane: its own manifests, and istiod as a process beside the API server."""

import base64
import json
import subprocess
from typing import TYPE_CHECKING

from .processes import answers

if TYPE_CHECKING:
    from .controlplane import ControlPlane

NAMESPACE = "istio-system"
TAG = "1.31.0"
_WEBHOOKS = (
    ("mutatingwebhookconfiguration", "istio-sidecar-injector"),
    ("validatingwebhookconfiguration", "istio-validator-istio-system"),
)


def install(plane: "ControlPlane", profile: str) -> None:
    """Apply the manifests of `profile`, start istiod on first use, point the webhooks at it."""
    if not _has_namespace(plane):
        plane.kubectl("create", "namespace", NAMESPACE)
    settings = [f"--set=profile={profile}", f"--set=tag={TAG}"]
    manifest = subprocess.run(
        [str(plane.binaries["istioctl"]), "manifest", "generate", *settings],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout
    # those of an earlier profile have a URL, and cannot get a Service beside it
    for kind, name in _WEBHOOKS:
        plane.kubectl("delete", kind, name, "--ignore-not-found")
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=manifest)
    if not any(child.name == "istiod" for child in plane.children):
        _start(plane)
    for kind, name in _WEBHOOKS:
        point_at_istiod(plane, kind, name)


def _has_namespace(plane: "ControlPlane") -> bool:
    return bool(
        plane.kubectl("get", "namespace", NAMESPACE, "--ignore-not-found", "-o", "name").strip()
    )


def _start(plane: "ControlPlane") -> None:
    ports = plane.ports
    pair = plane.authority.issue("istiod")
    child = plane.spawn(
        "istiod", "discovery", f"--kubeconfig={plane.kubeconfig}",
        f"--httpAddr=127.0.0.1:{ports.istiod_http}", f"--httpsAddr=127.0.0.1:{ports.istiod_https}",
        f"--grpcAddr=127.0.0.1:{ports.istiod_grpc}",
        f"--secureGRPCAddr=127.0.0.1:{ports.istiod_secure_grpc}",
        f"--monitoringAddr=127.0.0.1:{ports.istiod_monitoring}",
        f"--tlsCertFile={pair.cert}", f"--tlsKeyFile={pair.key}", f"--caCertFile={plane.authority.ca.cert}",
        env={
            "POD_NAMESPACE": NAMESPACE,
            "PILOT_ENABLE_AMBIENT": "true",
            "CLUSTER_ID": "Kubernetes",
            "REVISION": "default",
            "INJECTION_WEBHOOK_CONFIG_NAME": "istio-sidecar-injector",
            "VALIDATION_WEBHOOK_CONFIG_NAME": "istio-validator-istio-system",
            "JWT_POLICY": "third-party-jwt",
            "PILOT_CERT_PROVIDER": "istiod",
            "ISTIOD_CUSTOM_HOST": "localhost",
            **plane.istiod_settings,
        },
    )  # fmt: skip
    child.wait_until(
        lambda: answers(f"http://127.0.0.1:{ports.istiod_http}/ready"),
        90,
        "its /ready did not answer",
    )


def point_at_istiod(plane: "ControlPlane", kind: str, name: str) -> None:
    configuration = plane.get(kind, name)
    bundle = base64.b64encode(plane.authority.ca.cert.read_bytes()).decode()
    patches = []
    for number, webhook in enumerate(configuration["webhooks"]):
        service = webhook["clientConfig"].get("service")
        if service is None:
            continue
        url = f"https://127.0.0.1:{plane.ports.istiod_https}{service.get('path', '')}"
        patches.append(
            {
                "op": "replace",
                "path": f"/webhooks/{number}/clientConfig",
                "value": {"url": url, "caBundle": bundle},
            }
        )
    if patches:
        plane.kubectl("patch", kind, name, "--type=json", "-p", json.dumps(patches))
