"""Reads a stack file, and adds to it as a person would: `file.py`; `layout.py` keeps comments and blank lines in place."""
