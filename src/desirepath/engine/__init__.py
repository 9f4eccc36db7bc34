"""Use cases, named as verbs: the only floor that joins rules, methods and storage."""
