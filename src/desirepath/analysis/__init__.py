"""The log as tables: Ibis expressions, tables in, tables out."""
