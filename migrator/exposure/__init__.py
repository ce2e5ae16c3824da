"""Who enforces which policy, for which callers, in a given state of a mesh: the exposure table.

What may go in here: paths, enforcement, verdicts of requests and what two states open and close, computed
from a snapshot's facts. What may not: which steps lead from one state to the next.
"""
