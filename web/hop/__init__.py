"""A call that reaches the wrong server goes on once, signed, to the one that can answer it."""
