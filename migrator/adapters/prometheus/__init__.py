"""Measuring by Prometheus: who called whom, and how much of it failed.

What may go in here: the HTTP API, queries over Istio's standard metrics, and turning answers into plain
data of the core. What may not: what follows from a measurement.
"""

from .client import Prometheus
from .flows import Measurement, measure_flows
from .rates import ErrorRates
from .window import Window, parse_window

__all__ = ["ErrorRates", "Measurement", "Prometheus", "Window", "measure_flows", "parse_window"]
