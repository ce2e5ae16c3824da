"""Which Services need a waypoint, which one serves them, and what it takes to be ready."""
