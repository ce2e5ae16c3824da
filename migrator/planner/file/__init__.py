"""The plan as a file, and what is asked of one that a person hands in: its invariants, and its age."""
