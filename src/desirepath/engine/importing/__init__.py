"""Import executions and interactions from files: ``importing.import_files`` is the way in."""
