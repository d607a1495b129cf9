"""Speed: real work beside a named peer in the same run."""
