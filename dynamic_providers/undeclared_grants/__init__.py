"""Removes grants on a project that its stack file does not declare."""
