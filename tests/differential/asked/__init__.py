"""Both sides: what the real program says, and what port26 reads."""
