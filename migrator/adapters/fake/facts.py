"""What the mesh's own settings say now, by the project's model of Istio."""

from functools import cached_property

from migrator.istio import kinds, meshconfig
from migrator.istio.meshconfig import CniConfig
from migrator.istio.pods import injection
from migrator.istio.pods.injection import Webhooks
from migrator.istio.yamltext import is_true
from migrator.model.resource import GroupKind, Ref, Resource
from migrator.model.snapshot import Snapshot

from .bodies import ref_of, template_of
from .store import Object, Store

_HBONE = ("defaultConfig", "proxyMetadata", "ISTIO_META_ENABLE_HBONE")
_SETTINGS = frozenset(
    {kinds.CONFIG_MAP, kinds.MUTATING_WEBHOOK, kinds.SAIL_ISTIO, kinds.ISTIO_OPERATOR}
)
_SOURCES: tuple[GroupKind, ...] = (
    *sorted(_SETTINGS), kinds.NAMESPACE, *kinds.CONTROLLERS, kinds.POD,
)  # fmt: skip


class Facts:
    """Computed once, and again when one of the settings has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.watch(self._changed)

    @cached_property
    def hooks(self) -> Webhooks:
        return injection.webhooks(self._snapshot)

    @cached_property
    def cni(self) -> CniConfig:
        return meshconfig.cni_config(self._snapshot)

    @cached_property
    def root_namespace(self) -> str:
        return meshconfig.mesh_config(self._snapshot).root_namespace

    @cached_property
    def hbone(self) -> bool:
        """Whether istiod tells sidecars to receive HBONE."""
        return is_true(meshconfig.mesh_config(self._snapshot).get(*_HBONE))

    @cached_property
    def has_cni(self) -> bool:
        """Whether istio-cni is installed, for ambient."""
        on = is_true(self.cni.settings.get("AMBIENT_ENABLED", "true"))
        return on and any(map(is_cni, self._store.of(kinds.DAEMON_SET)))

    @cached_property
    def _snapshot(self) -> Snapshot:
        bodies = (body for kind in _SOURCES for body in self._store.of(kind))
        return Snapshot(Resource(ref_of(body), body) for body in bodies)

    def _changed(self, ref: Ref, old: Object | None, new: Object | None) -> None:
        if ref.group_kind == kinds.DAEMON_SET and (old is None or new is None):
            self.__dict__.pop("has_cni", None)
        if ref.group_kind not in _SETTINGS:
            return
        if ref.group_kind == kinds.CONFIG_MAP and not ref.name.startswith("istio"):
            return
        for name in ("hooks", "cni", "has_cni", "root_namespace", "hbone", "_snapshot"):
            self.__dict__.pop(name, None)


def is_cni(daemon_set: Object) -> bool:
    """By the label of its pods (manifests/charts/istio-cni/templates/daemonset.yaml of istio/istio)."""
    labels = (template_of(daemon_set, kinds.DAEMON_SET).get("metadata") or {}).get("labels") or {}
    return labels.get("k8s-app") == "istio-cni-node"
