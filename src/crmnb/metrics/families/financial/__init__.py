"""Financial: what customers are worth, what winning them costs, and whether it pays."""

PARTS = ("revenue", "lifetime_value", "acquisition", "profitability")  # modules, in the order of the report
