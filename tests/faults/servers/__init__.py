"""Real mail servers as a host's admin sets them up."""
