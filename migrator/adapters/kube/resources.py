"""Where the API server serves the kinds that the tool knows: version, plural and scope.

Discovery says which versions there are (k8s.io/api apidiscovery/v2, aggregated since Kubernetes 1.26; group
by group before that). The names of resources follow from the kinds, so that what a user must be allowed
to do can be said without a cluster.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from migrator.errors import NotFoundError
from migrator.istio import kinds
from migrator.model.resource import GroupKind

from .client import Api

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v={};as=APIGroupDiscoveryList"
_ACCEPT = ",".join((_AGGREGATED.format("v2"), _AGGREGATED.format("v2beta1"), "application/json"))
_CORE = "v1"
_HISSING = ("s", "x", "ch", "sh")


class Served(NamedTuple):
    """One kind as the API server offers it, at the version that it prefers."""

    kind: GroupKind
    version: str
    plural: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        return f"{self.kind.group}/{self.version}" if self.kind.group else self.version

    def path(self, namespace: str = "", name: str = "") -> str:
        """Of the list, or of one object; of all namespaces when `namespace` is empty."""
        root = f"/apis/{self.kind.group}" if self.kind.group else "/api"
        inside = f"/namespaces/{quote(namespace, safe='')}" if namespace and self.namespaced else ""
        return f"{root}/{self.version}{inside}/{self.plural}" + (
            f"/{quote(name, safe='')}" if name else ""
        )


class _Kind(msgspec.Struct):
    kind: str = ""


class _Resource(msgspec.Struct):
    """Of both forms: `resource` and `scope` are the aggregated one's, `name` and `namespaced` the other's."""

    resource: str = ""
    name: str = ""
    kind: str = ""
    namespaced: bool = False
    scope: str = ""
    responseKind: _Kind | None = None  # noqa: N815  the field's name


class _Version(msgspec.Struct):
    version: str = ""
    resources: list[_Resource] = []


class _Meta(msgspec.Struct):
    name: str = ""


class _Group(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)
    name: str = ""
    versions: list[_Version] = []


class _Groups(msgspec.Struct):
    kind: str = ""
    items: list[_Group] = []
    groups: list[_Group] = []
    resources: list[_Resource] = []


def plural(kind: GroupKind) -> str:
    """The name of the resource: `gateways`, `networkpolicies`, `ingresses`."""
    word = kind.kind.lower()
    if word.endswith(_HISSING):
        return f"{word}es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def resource_name(kind: GroupKind) -> str:
    """As RBAC and kubectl write it: `authorizationpolicies.security.istio.io`."""
    return f"{plural(kind)}.{kind.group}" if kind.group else plural(kind)


def is_namespaced(kind: GroupKind) -> bool:
    return kind not in kinds.CLUSTER_SCOPED


def discover(api: Api) -> Mapping[GroupKind, Served]:
    """Every known kind that is served; one that is not there has no CustomResourceDefinition."""
    found: dict[GroupKind, Served] = {}
    for served in (*_core(api), *_others(api)):
        if served.kind in kinds.KNOWN:
            found.setdefault(served.kind, served)  # the preferred version comes first
    return found


def _core(api: Api) -> Iterator[Served]:
    return _of("", _CORE, _read(api, f"/api/{_CORE}").resources)


def _others(api: Api) -> Iterator[Served]:
    answer = _read(api, "/apis")
    for group in answer.items:
        for one in group.versions:
            yield from _of(group.metadata.name, one.version, one.resources)
    wanted = {kind.group for kind in kinds.KNOWN}
    for group in answer.groups:
        for one in group.versions if group.name in wanted else ():
            yield from _of(group.name, one.version, _in_version(api, group.name, one.version))


def _in_version(api: Api, group: str, version: str) -> list[_Resource]:
    try:
        return _read(api, f"/apis/{group}/{version}").resources
    except NotFoundError:  # its CRD was deleted a moment ago
        return []


def _of(group: str, version: str, resources: Iterable[_Resource]) -> Iterator[Served]:
    for one in resources:
        name = one.resource or one.name
        kind = one.responseKind.kind if one.responseKind else one.kind
        if "/" not in name:
            namespaced = one.scope == "Namespaced" if one.scope else one.namespaced
            yield Served(GroupKind(group, kind), version, name, namespaced)


def _read(api: Api, path: str) -> _Groups:
    return msgspec.json.decode(api.request("GET", path, accept=_ACCEPT), type=_Groups)
