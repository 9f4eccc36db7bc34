"""The gate: candidate and live are held against each other, and the better one serves."""
