"""What the migration writes: policy copies, guards, waypoints, NetworkPolicies. Facts in, manifests out.

What may go in: one file a subject, pure functions from resources to manifests. What may not: deciding
when a manifest is needed (planner), or saying that something is wrong (rules).
"""
