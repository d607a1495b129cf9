"""Text: what comments are about, how favourable they are, and the removal of personal data from them."""
