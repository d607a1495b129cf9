"""Relationship: how satisfied customers are with the whole relationship, what drives it, and what they will do."""

PARTS = ("measure", "voices", "touchpoints", "instrument")
