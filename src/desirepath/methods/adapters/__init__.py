"""Adapters of vectors: small maps that are learned without a model of the vectors themselves."""
