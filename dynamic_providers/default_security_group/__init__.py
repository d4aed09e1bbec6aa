"""The rules of a project's default security group."""
