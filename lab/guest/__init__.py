"""A tiny guest: Debian's kernel and a busybox, ready in seconds where Debian itself takes half a minute."""
