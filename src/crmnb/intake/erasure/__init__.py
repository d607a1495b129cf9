"""Erasure: customers who asked to be erased are left out of every later import."""
