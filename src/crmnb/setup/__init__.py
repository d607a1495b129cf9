"""The first parameters file of a client: what the files hold, what it means by presets and by names, and what only a person knows."""
