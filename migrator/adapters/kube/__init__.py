"""A live cluster: the only place that imports the `kubernetes` client.

What may go in here: connecting, requests with retries, lists into a snapshot, the writer's port. What may
not: judgements about what was read.
"""
