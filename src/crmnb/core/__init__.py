"""Core: what every other package may use: errors, periods, paths, files and the terminal."""
