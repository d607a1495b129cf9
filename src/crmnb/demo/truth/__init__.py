"""The true figures of the simulated client."""
