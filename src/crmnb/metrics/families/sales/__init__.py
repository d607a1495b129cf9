"""Sales: who becomes a customer, how, and for how much."""

PARTS = ("leads", "visits", "revenue", "velocity")  # modules, in the order of the report
