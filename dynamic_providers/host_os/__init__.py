"""The OS images that the hosts of a stack have booted: one rollout, a result a host."""
