"""The models of a parameters file by subject, and what each key allows; `client` has the whole file."""
