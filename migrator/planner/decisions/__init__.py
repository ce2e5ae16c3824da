"""Who moves, who stays, what is bound to a waypoint, who calls whom: all that is decided before an order."""
