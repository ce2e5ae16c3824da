"""Istio's semantics as pure functions; each module names the Istio file that it mirrors."""
