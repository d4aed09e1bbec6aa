"""How the mistakes of a stack file are found all at once, and said in sentences."""
