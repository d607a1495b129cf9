"""The lessons that a teacher wrote: one module per metric, named like it. All other metrics have a derived lesson."""
