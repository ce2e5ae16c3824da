"""A whole migration tried on a throw-away cluster: the mesh made again, traffic, faults, a verdict.

What may go in here: what to make again, which calls to make, what their answers mean, in which order all is
done; over Protocols. What may not: how a cluster is made or asked (adapters/), how it is told (report/).
"""
