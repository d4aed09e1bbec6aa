"""A password that this program generates once and that only the stack's encrypted state keeps."""
