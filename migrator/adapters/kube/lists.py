"""Lists of objects, page by page, decoded straight into what is kept.

Managed fields, and of definitions and pods all that no rule reads, are dropped while decoding: they are
most of the bytes. A continue token that has expired begins the list anew (k8s.io/apimachinery
meta/v1 ListOptions).
"""

from collections.abc import Callable, Iterator
from typing import Any

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


class _Kept(msgspec.Struct, omit_defaults=True):
    """What is absent stays absent."""


class _Metadata(_Kept):
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: list[dict[str, Any]] | None = None  # noqa: N815  the API's name
    generation: int = 0
    creationTimestamp: str | None = None  # noqa: N815  the API's name
    deletionTimestamp: str | None = None  # noqa: N815  the API's name
    finalizers: list[str] | None = None


class _Partial(_Kept):
    metadata: _Metadata


class _Object(_Partial):
    """Every field at the top of some kind that the tool knows."""

    spec: Any = None
    status: Any = None
    data: Any = None
    webhooks: Any = None
    addressType: Any = None  # noqa: N815  the API's name
    endpoints: Any = None
    ports: Any = None


class _DefinedVersion(msgspec.Struct):
    name: str = ""
    served: bool = False
    storage: bool = False


class _Names(msgspec.Struct):
    kind: str = ""
    plural: str = ""


class _DefinitionSpec(msgspec.Struct):
    group: str = ""
    scope: str = ""
    names: _Names = msgspec.field(default_factory=_Names)
    versions: list[_DefinedVersion] = []


class _Definition(_Partial):
    """A CustomResourceDefinition without its schemas, which are megabytes."""

    spec: _DefinitionSpec = msgspec.field(default_factory=_DefinitionSpec)
    status: Any = None


class _ListMetadata(msgspec.Struct):
    continue_: str = msgspec.field(name="continue", default="")


def _page_of(item: type[_Partial]) -> type:
    fields = [
        ("items", list[item] | None, None),  # type: ignore[valid-type]
        ("metadata", _ListMetadata, msgspec.field(default_factory=_ListMetadata)),
    ]
    return msgspec.defstruct(f"{item.__name__}Page", fields)


_PAGES: dict[type[_Partial], Any] = {
    item: msgspec.json.Decoder(_page_of(item)) for item in (_Object, _Partial, _Definition)
}
Page = tuple[list[dict[str, Any]], bool]


def read_list(
    api: Api, served: Served, namespace: str, restart: Callable[[], None]
) -> Iterator[Page]:
    """The pages of a list, each with whether its texts may hold control characters.

    `restart` is called when the list begins anew: what came before counts no more.
    """
    token, restarts = "", 0
    while True:
        try:
            data = _request(api, served, namespace, token)
        except ExpiredError:
            restarts += 1
            if restarts > _RESTARTS:
                raise
            token = ""
            restart()
            continue
        page = _PAGES[_form(served.kind)].decode(data)
        unsafe = may_be_unsafe(data)
        del data
        yield [_body(served, item) for item in page.items or ()], unsafe
        token = page.metadata.continue_
        if not token:
            return


def read_object(api: Api, served: Served, namespace: str, name: str) -> Page:
    """One whole object, in the form of a page. Raises NotFoundError when it is gone."""
    data = api.request("GET", served.path(namespace, name), timeout=_TIMEOUT)
    found = msgspec.json.decode(data, type=_Object)
    return [_body(served, found)], may_be_unsafe(data)


def _request(api: Api, served: Served, namespace: str, token: str) -> bytes:
    limit = _PAGE_OF_LARGE if served.kind == kinds.CRD else _PAGE
    query = [("limit", str(limit))]
    if served.kind in _SELECTED:
        query.append(_SELECTED[served.kind])
    if token:
        query.append(("continue", token))
    accept = _METADATA_ONLY.format("List") if served.kind in BY_METADATA else "application/json"
    return api.request("GET", served.path(namespace), query=query, accept=accept, timeout=_TIMEOUT)


def _form(kind: GroupKind) -> type[_Partial]:
    if kind == kinds.CRD:
        return _Definition
    return _Partial if kind in BY_METADATA else _Object


def _body(served: Served, item: _Partial) -> dict[str, Any]:
    """The object as it would stand in a manifest: items of lists of built-in kinds bear no kind."""
    fields = {name: getattr(item, name) for name in item.__struct_fields__}
    return {
        "apiVersion": served.api_version,
        "kind": served.kind.kind,
        **{
            name: msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else value
            for name, value in fields.items()
            if value is not None
        },
    }
