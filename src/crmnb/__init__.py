"""crmnb."""
