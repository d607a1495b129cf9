"""The figures that the README quotes, each one command: python -m benchmarks.NAME, --quick for a minute's version."""
