"""Measures of what the tool needs in time and memory, on meshes that are made up but plausible."""
