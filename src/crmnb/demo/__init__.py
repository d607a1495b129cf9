"""The simulated client: true figures that are known, clean tables, and the files of an imperfect export."""
