"""More than one control plane: a second istiod of another revision, and tags, with their webhooks."""

import base64
import subprocess

import yaml

from .controlplane import ControlPlane
from .istio import NAMESPACE, TAG
from .processes import answers, free_port

_OF_INJECTION = {"ConfigMap", "MutatingWebhookConfiguration"}


def start_istiod(plane: ControlPlane, revision: str, *settings: str) -> None:
    """A real istiod of `revision` beside the first one, its webhooks and its injector's settings.

    Its validation webhook is left out: the first istiod validates already.
    """
    http, https = free_port(), free_port()
    apply_injection(plane, https, f"revision={revision}", *settings)
    pair = plane.authority.issue("istiod")
    child = plane.spawn(
        "istiod", "discovery", f"--kubeconfig={plane.kubeconfig}",
        f"--httpAddr=127.0.0.1:{http}", f"--httpsAddr=127.0.0.1:{https}",
        "--grpcAddr=127.0.0.1:0", "--secureGRPCAddr=127.0.0.1:0", "--monitoringAddr=127.0.0.1:0",
        f"--tlsCertFile={pair.cert}", f"--tlsKeyFile={pair.key}", f"--caCertFile={plane.authority.ca.cert}",
        env={
            "POD_NAMESPACE": NAMESPACE,
            "CLUSTER_ID": "Kubernetes",
            "REVISION": revision,
            "INJECTION_WEBHOOK_CONFIG_NAME": f"istio-sidecar-injector-{revision}",
            "VALIDATION_WEBHOOK_CONFIG_NAME": "",
            "JWT_POLICY": "third-party-jwt",
            "PILOT_CERT_PROVIDER": "istiod",
            "ISTIOD_CUSTOM_HOST": "localhost",
        },
    )  # fmt: skip
    child.wait_until(
        lambda: answers(f"http://127.0.0.1:{http}/ready"), 90, "its /ready did not answer"
    )


def apply_injection(plane: ControlPlane, port: int, *settings: str) -> None:
    """What Istio's charts install for injection under `settings`; the webhooks call `port`."""
    bundle = base64.b64encode(plane.authority.ca.cert.read_bytes()).decode()
    chosen = [
        "profile=default", f"tag={TAG}", *settings,
        f"values.istiodRemote.injectionURL=https://127.0.0.1:{port}/inject",
        f"values.istiodRemote.injectionCABundle={bundle}",
    ]  # fmt: skip
    manifest = istioctl(plane, "manifest", "generate", *(f"--set={one}" for one in chosen))
    kept = [
        d for d in yaml.load_all(manifest, yaml.CSafeLoader) if d and d["kind"] in _OF_INJECTION
    ]
    plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=yaml.safe_dump_all(kept)
    )


def set_tag(plane: ControlPlane, tag: str, revision: str) -> None:
    """A revision tag as a person sets it."""
    istioctl(
        plane, f"--kubeconfig={plane.kubeconfig}", "tag", "set", tag, f"--revision={revision}",
        "--skip-confirmation", "--overwrite",
    )  # fmt: skip


def istioctl(plane: ControlPlane, *arguments: str) -> str:
    return subprocess.run(
        [str(plane.binaries["istioctl"]), *arguments],
        check=True, capture_output=True, text=True, timeout=120,
    ).stdout  # fmt: skip
