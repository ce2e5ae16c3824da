"""What developers run: generated pages, new rules, the demo. Nothing here is part of the wheel."""
