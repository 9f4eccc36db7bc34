"""What another way to rank would have earned on the log."""
