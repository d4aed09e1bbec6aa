"""What stands for hosts that this machine does not have."""
