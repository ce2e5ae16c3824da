"""Istio's semantics as pure functions; each module names the Istio file that it mirrors.

Here stands what every folder below needs: kinds, labels, selectors, workloads, Services, the mesh.
"""
