"""What becomes of a pod: injection, capture, probes, exclusions, and what its sidecar was told."""
