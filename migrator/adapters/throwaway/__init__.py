"""Where disposable clusters for rehearsals come from: a control plane of a checkout, kind, a context.

What may go in here: starting, asking and deleting them through other programs, and putting faults in. What
may not: what a rehearsal does with them.
"""
