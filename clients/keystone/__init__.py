"""Keystone, beyond what the SDK's calls do.

Requests here are made at the REST level: a status is an answer (404: it is gone; 403 and 409: a sentence that says what
to do), and openstacksdk 4.22 has for it an exception without Keystone's reason phrase, or for role assignments nothing.
"""
