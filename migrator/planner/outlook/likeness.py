"""Namespaces that are alike but for their name: what is found out of one holds for all of them.

Alike are those of which all that the exposure model reads, and all their steps, are the same text once the
namespace's own name is left out of it. One whose name stands in what is common to all is like no other.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import msgspec

from migrator.exposure.state import pods_of
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref, Resource

from .localities import Localities, Locality

_POLICIES = (
    kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION,
)  # fmt: skip
READ_WHOLE = (kinds.GATEWAY, kinds.GATEWAY_CLASS, kinds.CONFIG_MAP)
# Neither a number nor a word of a sentence, so that it can be told from all else in a text
_STANDS_OUT = re.compile(r"[a-z].*[0-9-]|[0-9-].*[a-z]")
_WORD = rb"[a-z0-9-]+"
_INSIDE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")  # the characters of a word
_CONTAINERS = ("containers", "initContainers")
_HOLE = b"\0"


class Likeness:
    """Which localities are alike."""

    def __init__(self, mesh: Mesh, localities: Localities) -> None:
        self._mesh = mesh
        self._localities = localities
        self._encode = msgspec.json.Encoder(order="deterministic").encode

    def key(self, locality: Locality) -> object:
        """The same for localities that are alike; of its own for one that is like no other."""
        name = locality.namespace
        if not (locality.is_alone and _STANDS_OUT.search(name)):
            return name
        if name.encode() in self._common_words:
            return name
        parts = [self._encode(part) for part in self._parts(name)]
        parts += [step.model_dump_json().encode() for _, step in locality.steps]
        text = whole_word(name).sub(_HOLE, b"\n".join(parts))
        return hashlib.blake2b(text, digest_size=32).digest()

    @cached_property
    def _common_words(self) -> frozenset[bytes]:
        text = b"\n".join(self._encode(r.body) for r in self._localities.common)
        excluded = {name.encode() for name in self._mesh.cni.exclude_namespaces}
        return frozenset(re.findall(_WORD, text)) | excluded

    def _parts(self, namespace: str) -> Iterator[Any]:
        mesh = self._mesh
        yield mesh.namespace(namespace).labels
        for workload in mesh.workloads_in(namespace):
            yield _workload(mesh, workload)
        for resource in self._localities.objects_in(namespace):
            kind = resource.ref.group_kind
            if kind == kinds.SERVICE:
                yield _service(resource)
            elif kind in _POLICIES or kind in READ_WHOLE:
                yield _whole(resource)
        yield [_whole(one) for one in sorted(self._localities.rules_for(namespace), key=_age)]
        policies = [
            p for p in self._localities.objects_in(namespace) if p.ref.group_kind in _POLICIES
        ]
        yield [p.ref for p in sorted(policies, key=_age)]


def _age(policy: Resource) -> tuple[str, Ref]:
    return str(policy.metadata.get("creationTimestamp") or ""), policy.ref


def _whole(resource: Resource) -> Any:
    addresses = resource.status.get("addresses")
    return (
        resource.ref,
        resource.labels,
        resource.annotations,
        resource.spec,
        resource.body.get("data"),
        (bool(resource.status), bool(addresses)),
    )


def _service(resource: Resource) -> Any:
    spec = {k: v for k, v in resource.spec.items() if not k.startswith("clusterIP")}
    return (resource.ref, resource.labels, spec, resource.spec.get("clusterIP") == "None")


def _workload(mesh: Mesh, workload: Workload) -> Any:
    """Its pods as policies and calls see them, and its template as a next pod would be."""
    spec = workload.pod_spec
    return (
        workload.ref,
        workload.role,
        sorted(pods_of(mesh, workload)),
        len(workload.pods) if not workload.template_path else bool(workload.pods),
        workload.labels,
        workload.annotations,
        workload.service_account,
        workload.host_network,
        workload.replicas == 0,
        workload.template_path,
        [
            [
                (c.get("name"), c.get("ports"), list(c.get("args") or ())[:2])
                for c in spec.get(key) or ()
            ]
            for key in _CONTAINERS
        ],
    )


def whole_word(name: str) -> re.Pattern[bytes]:
    """The name where it stands by itself.

    It comes first in the pattern, so that `re` looks for it before it looks around.
    """
    word = re.escape(name.encode())
    return re.compile(rb"%b(?<![a-z0-9-]%b)(?![a-z0-9-])" % (word, word))


def renaming(old: str, new: str) -> Callable[[str], str]:
    """Texts about one namespace as texts about another."""
    return lambda text: _renamed(text, old, new) if old and old in text else text


def _renamed(text: str, old: str, new: str) -> str:
    """As `whole_word` finds the name; for short texts, which are not worth a pattern of their own."""
    out: list[str] = []
    begin, at = 0, text.find(old)
    while at != -1:
        end = at + len(old)
        if text[at - 1 : at] in _INSIDE or text[end : end + 1] in _INSIDE:
            at = text.find(old, at + 1)
            continue
        out += (text[begin:at], new)
        begin, at = end, text.find(old, end)
    return "".join((*out, text[begin:]))
