"""Benchmarks: sessions of the log, replayed through retrievers that are to be compared."""
