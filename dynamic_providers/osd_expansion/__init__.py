"""OSDs: they fill and empty in small steps, at a pace that is held to a bound on clients' latency."""
