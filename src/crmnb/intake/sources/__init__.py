"""Sources: where a client's rows come from: files, databases and queries."""
