"""Readers: from a source's files to a staging table, all values as text."""
