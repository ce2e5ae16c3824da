"""A plan before anybody does it, moment by moment: its states, and what opens, closes and is rerouted."""
