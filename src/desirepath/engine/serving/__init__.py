"""Serve searches: find, fuse, show, and log what was shown."""
