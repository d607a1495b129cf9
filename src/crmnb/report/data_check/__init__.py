"""Data check: what a client's data are, before anything is computed."""
