"""Collecting all mistakes of a stack file, and describing them in sentences."""
