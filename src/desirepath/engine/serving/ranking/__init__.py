"""Trained rankers at work: what they look at is counted as the log grows, a file a concern."""
