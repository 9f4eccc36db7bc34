"""Collaborative filtering: what people like who like the same."""
