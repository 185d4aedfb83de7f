"""Drivers of the real programs: mail clients on a screen of their own, the network's port 25, port26 itself."""
