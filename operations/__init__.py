"""What people run beside pulumi."""
