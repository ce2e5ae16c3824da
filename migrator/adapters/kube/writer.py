"""The port `Cluster` over a real API server: whole objects read, single fields written.

Every write names the field manager `migrate`. A write whose answer was lost is an error that says so; who
asked reads again before writing again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from migrator.errors import ClusterError, NotFoundError
from migrator.istio import kinds
from migrator.model.resource import GroupKind, Ref
from migrator.ports import Body

from .answers import ExpiredError
from .client import Api
from .resources import Served, discover, is_namespaced, plural

MANAGER = "migrate"
_PAGE = 500
_LISTINGS = 5  # a list whose continue token expires is begun anew
_MERGE = "application/merge-patch+json"
_BUILT_IN = (GroupKind("coordination.k8s.io", "Lease"), GroupKind("", "Event"))
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


class LiveCluster:
    """One cluster, as one user. Which versions are served is asked again for a kind that was not there."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._served: Mapping[GroupKind, Served] = {}

    def get(self, ref: Ref) -> Body | None:
        served = self._find(ref.group_kind)
        if served is None:
            return None
        try:
            return _body(self._api.request("GET", served.path(ref.namespace, ref.name)))
        except NotFoundError:
            return None

    def list(
        self, kind: GroupKind, namespace: str = "", labels: Mapping[str, str] | None = None
    ) -> Sequence[Body]:
        served = self._find(kind)
        if served is None:
            return ()
        query = [("limit", str(_PAGE))]
        if labels:
            query.append(("labelSelector", ",".join(f"{k}={v}" for k, v in labels.items())))
        for _ in range(_LISTINGS):
            try:
                return tuple(self._pages(served, namespace, query))
            except ExpiredError as error:
                expired = error
        raise expired

    def create(self, manifest: Body, *, dry_run: bool = False) -> Body:
        metadata = manifest["metadata"]
        group = str(manifest.get("apiVersion", "")).rpartition("/")[0]
        served = self._require(GroupKind(group, str(manifest["kind"])))
        return _body(
            self._api.request(
                "POST", served.path(metadata.get("namespace", "")),
                query=_options(dry_run=dry_run), body=manifest,
            )
        )  # fmt: skip

    def patch(self, ref: Ref, patch: Body, *, version: str = "", dry_run: bool = False) -> Body:
        served = self._require(ref.group_kind)
        if version:
            metadata = {**patch.get("metadata", {}), "resourceVersion": version}
            patch = {**patch, "metadata": metadata}
        return _body(
            self._api.request(
                "PATCH", served.path(ref.namespace, ref.name), query=_options(dry_run=dry_run),
                body=patch, content_type=_MERGE,
            )
        )  # fmt: skip

    def delete(self, ref: Ref, *, uid: str = "", dry_run: bool = False) -> None:
        options: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": "Background",
        }
        if uid:
            options["preconditions"] = {"uid": uid}
        if dry_run:
            options["dryRun"] = ["All"]
        served = self._require(ref.group_kind)
        try:
            self._api.request("DELETE", served.path(ref.namespace, ref.name), body=options)
        except NotFoundError:
            return

    def release(self, ref: Ref) -> None:
        """Server-side apply takes away only what its manager alone owns: Kubernetes documentation,
        Server-Side Apply, "Transferring ownership". Where nobody else owns a field, nothing is done.
        """
        path = self._require(ref.group_kind).path(ref.namespace, ref.name)
        metadata = msgspec.json.decode(self._api.request("GET", path))["metadata"]
        managed = metadata.get("managedFields") or ()
        others = [one for one in managed if one.get("manager") != MANAGER]
        if others and len(others) < len(managed):
            version = {"resourceVersion": metadata["resourceVersion"], "managedFields": others}
            self._api.request(
                "PATCH", path, query=_options(dry_run=False), body={"metadata": version},
                content_type=_MERGE,
            )  # fmt: skip

    def may(self, verb: str, kind: GroupKind, namespace: str = "") -> bool:
        attributes = {"verb": verb, "group": kind.group, "resource": plural(kind)}
        if namespace:
            attributes["namespace"] = namespace
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        answer = msgspec.json.decode(self._api.request("POST", _REVIEWS, body=review))
        return bool((answer.get("status") or {}).get("allowed"))

    def _pages(
        self, served: Served, namespace: str, query: Sequence[tuple[str, str]]
    ) -> Iterator[Body]:
        """Items of lists bear neither version nor kind. Raises ExpiredError in the middle of a long one."""
        head = {"apiVersion": served.api_version, "kind": served.kind.kind}
        token = ""
        while True:
            more = [("continue", token)] if token else []
            answer = msgspec.json.decode(
                self._api.request("GET", served.path(namespace), query=[*query, *more], timeout=60)
            )
            for item in answer.get("items") or ():
                yield _without_managers({**head, **item})
            token = (answer.get("metadata") or {}).get("continue") or ""
            if not token:
                return

    def _find(self, kind: GroupKind) -> Served | None:
        if kind in _BUILT_IN:
            return Served(kind, "v1", plural(kind), is_namespaced(kind))
        if kind not in self._served:
            self._served = discover(self._api)
        return self._served.get(kind)

    def _require(self, kind: GroupKind) -> Served:
        served = self._find(kind)
        if served is None:
            raise ClusterError(
                f"the cluster does not serve {kind}",
                detail="Its CustomResourceDefinition is not installed."
                if kind in kinds.KNOWN
                else "The tool does not know this kind.",
            )
        return served


def _options(*, dry_run: bool) -> Sequence[tuple[str, str]]:
    return [("fieldManager", MANAGER), *([("dryRun", "All")] if dry_run else [])]


def _body(data: bytes) -> Body:
    return _without_managers(msgspec.json.decode(data))


def _without_managers(body: dict[str, Any]) -> Body:
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k != "managedFields"}
    return {**body, "metadata": metadata}
