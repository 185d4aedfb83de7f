"""Drivers of the real programs: mail clients and KeePassXC on a screen of their own, port26 in a terminal."""
