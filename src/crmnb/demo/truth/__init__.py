"""Truth: the true figures of the simulated client."""
