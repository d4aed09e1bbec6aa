"""One module per service: its configuration, one-time setup, daemons, and health checks."""
