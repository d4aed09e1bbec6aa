"""What each change does to people: one file a part of the cloud, one rule a resource type.

Whether a key is changed in place is not said here: the plan says it, and for what has no effect at all the specs of the
stack file (ADR 0013) and the dynamic providers do. The rules say who notices.
"""
