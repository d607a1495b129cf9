"""Metrics: what a metric is, how it is measured, and the metric families."""
