"""Carry a plan out, step by step, and back: over ports, without a clock or a network of its own.

What may go in here: capture, apply, verify, undo; the record, the lock, gates, the order of a rollback.
What may not: which steps a migration needs (the plan says so), and how a cluster is talked to.
"""
