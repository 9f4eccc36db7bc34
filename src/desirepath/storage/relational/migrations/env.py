"""Alembic wants this file to exist; ``relational/migrate.py`` runs the revisions itself."""
