"""AMB6xx: Services and their ports: protocols, headless ones, balancing.

What goes in: one file a rule about a field of a Service. What does not: routes to it (routing).
"""
