"""AMB2xx: VirtualServices, DestinationRules, ServiceEntries, Sidecars and routes of the mesh.

What goes in: one file a rule about routing that sidecars do at the client. What does not: gateways and
waypoints themselves (edge), Services' own fields (service).
"""
