"""Retention: customers who stay, leave, join and buy again."""

PARTS = ("customer_base", "recurring_revenue", "purchases", "lifetime")  # modules, in the order of the report
