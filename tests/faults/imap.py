"""An incoming server that takes every login and has nothing to tell: Delta Chat looks for the outgoing one only beside it."""

import socket
import ssl

from lab.listening import serve_each

SAYS = {
    "CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE ID",
    "LIST": '* LIST (\\HasNoChildren) "." "INBOX"',
    "SELECT": "* 0 EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen \\Deleted)\r\n* OK [UIDVALIDITY 1] valid\r\n* OK [UIDNEXT 1] next",
    "STATUS": '* STATUS "INBOX" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 1)',
    "LOGOUT": "* BYE",
}


class Imap:
    """Listens on port 993."""

    def __init__(self, certificates, address, certificate="host"):
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(f"{certificates / certificate}.pem", f"{certificates / certificate}.key")
        listener = socket.create_server((address, 993), backlog=20)
        serve_each(listener, self._serve)

    def _serve(self, connection):
        try:
            connection = self._context.wrap_socket(connection, server_side=True)
            connection.sendall(b"* OK ready\r\n")
            for line in connection.makefile("rb"):
                tag, verb, *rest = line.decode("utf-8", "replace").split()
                if verb.upper() == "AUTHENTICATE" and len(rest) == 1:
                    connection.sendall(b"+ \r\n")
                    continue
                says = SAYS.get(verb.upper())
                connection.sendall(f"{f'{says}{chr(13)}{chr(10)}' if says else ''}{tag} OK done\r\n".encode())
        except (OSError, ValueError):
            pass
        finally:
            connection.close()
