"""Tables of results: scorecards, comparisons and the data behind a chart."""
