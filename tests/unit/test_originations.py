"""Which ServiceEntries a DestinationRule originates TLS for."""

from migrator.istio import kinds
from migrator.istio.traffic.egress import originations

from .manifests import mesh

_ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: partners, namespace: shop}
spec:
  hosts: [rates.partner.example, terms.partner.example]
  resolution: DNS
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 443}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: partners, namespace: shop}
spec:
  host: "*.partner.example"
  trafficPolicy: {tls: {mode: SIMPLE}}
"""


def test_an_entry_with_two_matching_hosts_is_named_once() -> None:
    of = mesh(_ENTRY)
    (found,) = originations(of, of.of(kinds.DESTINATION_RULE))
    assert [entry.name for entry in found.entries] == ["partners"]
