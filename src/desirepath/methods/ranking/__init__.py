"""Rank documents by what was learned from clicks: matrices, models, measures."""
