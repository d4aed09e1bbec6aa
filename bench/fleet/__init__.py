"""Fleets made anew, beside what people use today."""
