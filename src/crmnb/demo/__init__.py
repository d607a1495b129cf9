"""Simulate: a made-up client whose true figures are known, as clean tables and as the messy files of an export."""
