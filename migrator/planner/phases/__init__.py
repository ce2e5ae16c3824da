"""The steps, phase by phase: prepare, expand, switch, contract."""
