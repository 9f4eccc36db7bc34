"""One PostgreSQL, any number of processes."""
