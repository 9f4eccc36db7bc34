"""Frozen values and pure rules: no clock, no database, no HTTP."""
