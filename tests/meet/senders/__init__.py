"""The real programs: each has an account as its user would have it, and sends a message through a host that it is told."""
