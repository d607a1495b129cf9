"""Evaluate: all metrics of a report measured together, so that what is hidden and what counts as a signal is decided once."""
