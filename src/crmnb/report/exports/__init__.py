"""Exports: results in formats other than HTML."""
