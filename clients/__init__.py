"""One file or folder a system: a context-managed connection, its timeouts, what is retried, its errors. No Pulumi."""
