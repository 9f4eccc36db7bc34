"""What another policy would have earned, from lists that were logged with their propensities."""
