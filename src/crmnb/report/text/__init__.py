"""Text: all sentences, numbers and dates that people read."""
