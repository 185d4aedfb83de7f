"""Sockets of X servers that no other lab sees: a server has the same number in each, and takes its socket with it. A program in a
sandbox of its own (WebKit's) finds its screen by this socket alone."""

from pathlib import Path

from lab.programs import sh


def of_this_lab():
    """In this mount namespace."""
    folder = Path("/tmp/.X11-unix")
    folder.mkdir(mode=0o1777, exist_ok=True)
    sh("mount", "-t", "tmpfs", "-o", "mode=1777", "screens", folder)
