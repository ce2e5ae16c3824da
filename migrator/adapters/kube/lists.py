"""Lists of objects, page by page, decoded straight into what is kept.

Managed fields, and of definitions and pods all that no rule reads, are dropped while decoding: they are
most of the bytes. A continue token that has expired begins the list anew (k8s.io/apimachinery
meta/v1 ListOptions).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypedDict

import msgspec

from migrator.adapters.text import may_be_unsafe
from migrator.istio import kinds
from migrator.model.resource import GroupKind

from .answers import ExpiredError
from .client import Api
from .resources import Served

_PAGE, _PAGE_OF_LARGE = 500, 50
_RESTARTS = 5
_TIMEOUT = 60
_METADATA_ONLY = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"
# Their lists are read as metadata, and a few of them whole (`wholes`): what a controller made is told by its
# owner, and of ConfigMaps only Istio's matter.
BY_METADATA = frozenset({kinds.POD, kinds.REPLICA_SET, kinds.CONFIG_MAP})
# Finished pods carry no traffic, and metadata does not say that they are finished. The EndpointSlices that
# Kubernetes makes follow from Services and pods; only those that somebody else made tell more.
_SELECTED = {
    kinds.POD: ("fieldSelector", "status.phase!=Succeeded,status.phase!=Failed"),
    kinds.ENDPOINT_SLICE: (
        "labelSelector",
        "endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io",
    ),
}


class _Metadata(TypedDict, total=False):
    """What is absent stays absent."""

    name: str
    namespace: str
    labels: dict[str, str] | None
    annotations: dict[str, str] | None
    ownerReferences: list[dict[str, Any]] | None
    generation: int
    creationTimestamp: str | None
    deletionTimestamp: str | None
    finalizers: list[str] | None


class _Partial(TypedDict):
    metadata: _Metadata


class _Object(_Partial, total=False):
    """Every field at the top of some kind that the tool knows."""

    spec: Any
    status: Any
    data: Any
    webhooks: Any
    addressType: Any
    endpoints: Any
    ports: Any


class _DefinedVersion(TypedDict, total=False):
    name: str
    served: bool
    storage: bool


class _Names(TypedDict, total=False):
    kind: str
    plural: str


class _DefinitionSpec(TypedDict, total=False):
    group: str
    scope: str
    names: _Names
    versions: list[_DefinedVersion]


class _Definition(_Partial, total=False):
    """A CustomResourceDefinition without its schemas, which are megabytes."""

    spec: _DefinitionSpec
    status: Any


class _ListMetadata(msgspec.Struct):
    continue_: str = msgspec.field(name="continue", default="")


_Form = type[_Partial] | type[_Object] | type[_Definition]


def _page_of(item: _Form) -> type:
    fields = [
        ("items", list[item] | None, None),  # type: ignore[valid-type]
        ("metadata", _ListMetadata, msgspec.field(default_factory=_ListMetadata)),
    ]
    return msgspec.defstruct(f"{item.__name__}Page", fields)


_PAGES: dict[_Form, Any] = {
    item: msgspec.json.Decoder(_page_of(item)) for item in (_Object, _Partial, _Definition)
}
Page = tuple[list[dict[str, Any]], bool]


def read_list(
    api: Api, served: Served, namespace: str, restart: Callable[[], None]
) -> Iterator[Page]:
    """The pages of a list, each with whether its texts may hold control characters.

    The next page is asked for while this one is worked on. `restart` is called when the list begins anew:
    what came before counts no more.
    """
    decode = _PAGES[_form(served.kind)].decode
    following: Future[bytes] | None = None
    restarts = 0
    with ThreadPoolExecutor(1) as ahead:  # its thread begins with the second page
        while True:
            try:
                data = following.result() if following else _request(api, served, namespace)
            except ExpiredError:
                restarts += 1
                if restarts > _RESTARTS:
                    raise
                following = None
                restart()
                continue
            page = decode(data)
            token = page.metadata.continue_
            following = ahead.submit(_request, api, served, namespace, token) if token else None
            unsafe = may_be_unsafe(data)
            del data
            yield _bodies(served, page.items or ()), unsafe
            if following is None:
                return


def read_object(api: Api, served: Served, namespace: str, name: str) -> Page:
    """One whole object, in the form of a page. Raises NotFoundError when it is gone."""
    data = api.request("GET", served.path(namespace, name), timeout=_TIMEOUT)
    found = msgspec.json.decode(data, type=_Object)
    return _bodies(served, [found]), may_be_unsafe(data)


def _request(api: Api, served: Served, namespace: str, token: str = "") -> bytes:
    limit = _PAGE_OF_LARGE if served.kind == kinds.CRD else _PAGE
    query = [("limit", str(limit))]
    if served.kind in _SELECTED:
        query.append(_SELECTED[served.kind])
    if token:
        query.append(("continue", token))
    accept = _METADATA_ONLY.format("List") if served.kind in BY_METADATA else "application/json"
    return api.request("GET", served.path(namespace), query=query, accept=accept, timeout=_TIMEOUT)


def _form(kind: GroupKind) -> _Form:
    if kind == kinds.CRD:
        return _Definition
    return _Partial if kind in BY_METADATA else _Object


def _bodies(served: Served, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The objects as they would stand in manifests: items of lists of built-in kinds bear no kind."""
    head = {"apiVersion": served.api_version, "kind": served.kind.kind}
    return [
        {**head, **item}
        if None not in item.values()
        else {**head, **{key: value for key, value in item.items() if value is not None}}
        for item in items
    ]
