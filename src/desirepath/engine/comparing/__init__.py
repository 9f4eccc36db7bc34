"""What experiments come to: units of the log, closed and credited, and who is ahead by them."""
