"""AMB5xx: where traffic enters and leaves: gateways, ingress, egress, waypoints.

What goes in: one file a rule about what stands at an edge. What does not: what happens behind (routing).
"""
