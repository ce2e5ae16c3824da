"""Move a Kubernetes cluster from Istio sidecars to Istio ambient, step by step."""

__version__ = "0.1.0"
