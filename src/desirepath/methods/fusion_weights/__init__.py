"""Weights of learned fusion from lists whose worth is known: the best, and how good they are."""
