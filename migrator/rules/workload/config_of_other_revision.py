"""AMB308, configuration that ambient's istiod does not read."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.labels import REVISION
from migrator.istio.mesh import Mesh
from migrator.istio.versions import Version
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_SINCE = Version(1, 27)
_SECURITY = (kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION)
_OTHERS = (kinds.SERVICE_ENTRY, kinds.WORKLOAD_ENTRY)


class ConfigOfOtherRevision(Rule):
    """A policy or entry belongs to a revision of istiod without ambient.

    ## Why
    Since 1.27 istiod tells ztunnel only of resources that are for its own revision: a policy with
    another revision's label is not enforced at ztunnel, an entry is not known there.

    ## Fix
    Remove `istio.io/rev` from the resource, or name the revision that has ambient.

    ## References
    - istio/istio releasenotes/notes/56477.yaml
    - istio/istio pkg/revisions/tag_watcher.go
    """

    code = "AMB308"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {*_SECURITY, *_OTHERS}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        ambient = {plane.revision for plane in mesh.control_planes if plane.ambient}
        without = {plane.revision for plane in mesh.control_planes if plane.ambient is False}
        if mesh.istio_version < _SINCE:
            return
        for kind in (*_SECURITY, *_OTHERS):
            for resource in mesh.of(kind):
                named = resource.labels.get(REVISION)
                revision = mesh.webhooks.revision_of(named) or named if named else None
                if not ambient or revision not in without - ambient:
                    continue
                security = kind in _SECURITY
                then = "does not enforce it" if security else "does not know it"
                yield self.finding(
                    resource,
                    f"{resource.ref} is for revision {named}, which has no ambient: ztunnel {then}.",
                    fix=f"Remove {REVISION} from it, or name {', '.join(sorted(ambient))}.",
                    path=field("metadata", "labels", REVISION),
                    severity=Severity.BLOCKER if security else Severity.WARNING,
                    affects=mesh.attachments.apps_of(resource) if security else (),
                )
