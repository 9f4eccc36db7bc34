"""Pages: what is happening, at a glance."""
