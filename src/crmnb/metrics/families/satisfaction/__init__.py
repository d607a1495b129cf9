"""Satisfaction: what customers say after an interaction or a purchase."""

PARTS = ("scores", "response", "reviews")  # modules, in the order of the report
