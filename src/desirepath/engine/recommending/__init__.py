"""Recommend documents to people, and say which documents and people are alike."""
