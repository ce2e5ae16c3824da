"""A real kind cluster without pulling an image, and the tests that need one.

Here: what builds the node image and Istio's images from Go modules, PyPI and Debian packages (each result
kept in the user's cache by the digest of what it was made from), an engine of our own in a network
namespace without a way out, the cluster, the mesh, and the tests. What is run inside the node or inside
pods is in `node/` and `go/`. ztunnel is a stand-in: what rests on it is called simulated.
"""
