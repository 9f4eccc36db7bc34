"""Train models from the log."""
