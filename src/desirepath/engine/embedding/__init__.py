"""Vectors of texts, made by a model that runs somewhere else."""
