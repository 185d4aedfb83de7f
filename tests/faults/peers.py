"""What others make of the same rows."""

PEERS = {}
