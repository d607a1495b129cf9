"""Robustness: attacks, random defects and faults."""
