"""What changes proxies beyond the API: EnvoyFilters, telemetry, and queries on its metrics."""
