"""Whoever connects is served, each in a thread of its own."""

import threading


def serve_each(listener, serve):
    """Goes on until the process ends. `serve` is given each connection."""

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
