"""Schema: what a client may declare and what the canonical tables hold."""
