"""Learn weights from lists, live and again from the log."""
