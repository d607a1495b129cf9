"""Features: views of the canonical tables that several metrics share."""
