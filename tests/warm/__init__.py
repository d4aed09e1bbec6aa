"""A Python that has imported the program already, for the tests' hundreds of `pulumi` commands."""
