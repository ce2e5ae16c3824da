"""The types of every field that the tool walks, kind by kind; nothing of what the fields mean."""
