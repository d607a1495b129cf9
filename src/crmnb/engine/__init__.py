"""Engine: from canonical tables to sufficient statistics."""
