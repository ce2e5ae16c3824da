"""What is built into or read from sidecars: filters, plugins, telemetry, metrics."""
