"""Where a request goes: hosts, VirtualServices, routes, DestinationRules, ServiceEntries, gateways."""
