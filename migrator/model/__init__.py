"""Frozen data that flows through the tool; no I/O, no logic beyond invariants."""
