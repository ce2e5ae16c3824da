"""A real control plane for tests: etcd, kube-apiserver, istiod and their friends, on loopback.

What is real: the API server, admission, RBAC, istiod, its webhooks, injection, statuses. What is not:
there is no kubelet and no packet; kwok makes pods Ready and a stand-in sets what istio-cni would.
What rests on these two is simulated, and is called so.
"""
