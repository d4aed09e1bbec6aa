"""One module a service: its configuration, what has to be made once, its daemons, its health."""
