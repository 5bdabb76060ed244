"""Durable history: the only package that speaks SQL or touches image files on disk."""
