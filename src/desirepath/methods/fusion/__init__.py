"""Make one ranking out of several: a method a file."""
