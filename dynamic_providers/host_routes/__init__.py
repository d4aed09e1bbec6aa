"""The host routes of a subnet, as one list: what is declared is there, and nothing else."""
