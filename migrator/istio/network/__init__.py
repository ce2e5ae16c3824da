"""What lets packets through below Istio: NetworkPolicies, Cilium, the host."""
