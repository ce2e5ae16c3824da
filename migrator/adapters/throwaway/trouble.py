"""Faults that any API server can be given: refused pods, images that do not exist, no replicas."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from migrator.adapters.kube.client import Api
from migrator.adapters.kube.writer import LiveCluster
from migrator.errors import ClusterError
from migrator.istio import labels as names
from migrator.model.resource import Ref
from migrator.rehearsal.faults import Fault, Trouble

NAME = "migrate-rehearsal-no-waypoint-pods"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1/"
_POLICIES = "validatingadmissionpolicies"
_BINDINGS = "validatingadmissionpolicybindings"
_NO_IMAGE = "registry.invalid/migrate-rehearsal/does-not-exist:never"
Patch = Mapping[str, Any]


class Troublemaker:
    """Puts faults in through the API server, and takes them out again."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._cluster = LiveCluster(api)
        self._before: dict[Ref, Patch] = {}

    def put_in(self, fault: Fault) -> None:
        """Raises ClusterError for a fault that only the provider itself can put in."""
        match fault.trouble:
            case Trouble.WAYPOINT:
                self._refuse_waypoint_pods(fault.namespace)
            case Trouble.IMAGE if fault.workload:
                self._change(fault.workload, self.broken_image(fault.workload))
            case Trouble.ERRORS if fault.workload:
                self._change(fault.workload, {"spec": {"replicas": 0}})
            case _:
                raise ClusterError(f"{fault.trouble} cannot be put in by the API server")

    def take_out(self, fault: Fault) -> None:
        """Everything as before `put_in`; nothing to do is no error."""
        if fault.trouble is Trouble.WAYPOINT:
            for plural in (_BINDINGS, _POLICIES):
                self._delete(f"{_ADMISSION}{plural}/{NAME}")
        before = self._before.pop(fault.workload, None) if fault.workload else None
        if fault.workload and before is not None:
            self._cluster.patch(fault.workload, before)

    def broken_image(self, ref: Ref) -> Patch:
        """What makes new pods never start; merge patches replace lists whole."""
        body = self._cluster.get(ref) or {}
        spec = body.get("spec", {}).get("template", {}).get("spec", {})
        containers = [{**one, "image": _NO_IMAGE} for one in spec.get("containers") or ()]
        return {"spec": {"template": {"spec": {"containers": containers}}}}

    def _change(self, ref: Ref, patch: Patch) -> None:
        body = self._cluster.get(ref) or {}
        self._before[ref] = _as_it_was(body, patch)
        self._cluster.patch(ref, patch)

    def _refuse_waypoint_pods(self, namespace: str) -> None:
        """The Deployment of the waypoint stays without pods, so istiod never calls it programmed."""
        rule = {
            "apiGroups": [""],
            "apiVersions": ["v1"],
            "resources": ["pods"],
            "operations": ["CREATE"],
        }
        label = json.dumps(names.GATEWAY_NAME)
        expression = f"!has(object.metadata.labels) || !({label} in object.metadata.labels)"
        self._create(_POLICIES, "ValidatingAdmissionPolicy", {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression}],
        })  # fmt: skip
        inside = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
        self._create(_BINDINGS, "ValidatingAdmissionPolicyBinding", {
            "policyName": NAME,
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": inside},
        })  # fmt: skip

    def _create(self, plural: str, kind: str, spec: Patch) -> None:
        body = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": kind,
            "metadata": {"name": NAME},
            "spec": spec,
        }
        self._api.request("POST", f"{_ADMISSION}{plural}", body=body)

    def _delete(self, path: str) -> None:
        options = {"apiVersion": "v1", "kind": "DeleteOptions"}
        self._api.request("DELETE", path, body=msgspec.json.encode(options))


def _as_it_was(body: Mapping[str, Any], patch: Patch) -> dict[str, Any]:
    """The merge patch that takes `patch` back."""
    return {
        key: _as_it_was(body.get(key) or {}, value) if isinstance(value, Mapping) else body.get(key)
        for key, value in patch.items()
    }
