"""Long work, done by workers from the database's table of tasks."""
