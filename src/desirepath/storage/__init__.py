"""One database, two kinds: protocols by role in ``base``, and who opens what in ``open``."""
