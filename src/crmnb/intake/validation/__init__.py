"""Validation: rows are checked against the contract of their table, accepted or rejected with reasons."""
