"""The metrics, a module per family. Nothing here reads a file, draws or formats; adding a metric touches one file."""
