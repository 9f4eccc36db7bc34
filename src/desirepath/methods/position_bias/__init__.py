"""How far down a list people look: estimators that take in counts and give propensities."""
