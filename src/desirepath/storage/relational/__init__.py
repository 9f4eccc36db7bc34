"""The storage roles in SQL, written once for both dialects."""
