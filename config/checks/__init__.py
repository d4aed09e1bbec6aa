"""Checks across the entries of a stack file: what no single entry can know."""
