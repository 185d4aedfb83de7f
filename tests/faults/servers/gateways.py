"""What a host puts before its mail server on port 25: nginx's mail proxy, or haproxy to another machine."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from lab.programs import installed, start, wait_for

MODULE = Path("/usr/lib/nginx/modules/ngx_mail_module.so")


def nginx(row, certificates, address, name, logins, refusal=None, behind=("127.0.0.1", 2526)):
    """nginx's mail proxy under a name of its own. It offers a login or not; it sends everybody on to the server behind it, or
    refuses with these words."""
    installed("/usr/sbin/nginx")
    installed(MODULE)

    class Answer(BaseHTTPRequestHandler):
        """nginx's auth_http: says where to go."""

        def do_GET(self):
            self.send_response(200)
            self.send_header("Auth-Status", refusal or "OK")
            if refusal:
                self.send_header("Auth-Error-Code", refusal.split(" ")[0])
                self.send_header("Auth-Wait", "0")
            self.send_header("Auth-Server", behind[0])
            self.send_header("Auth-Port", str(behind[1]))
            self.end_headers()

        def log_message(self, *_):
            pass

    answers = HTTPServer(("127.0.0.1", 8081), Answer)
    threading.Thread(target=answers.serve_forever, daemon=True).start()
    (row / "nginx.conf").write_text(f"""load_module {MODULE};
daemon off;
pid {row}/nginx.pid;
error_log {row}/nginx.log;
events {{ worker_connections 64; }}
mail {{
  server_name {name};
  auth_http 127.0.0.1:8081/auth;
  server {{
    listen {address}:25;
    protocol smtp;
    smtp_auth {logins};
    xclient off;
    starttls on;
    ssl_certificate {certificates}/host.pem;
    ssl_certificate_key {certificates}/host.key;
  }}
}}
""")
    told = start(row, "nginx", "/usr/sbin/nginx", "-c", row / "nginx.conf", "-e", row / "nginx.log")
    wait_for(address, 25, told)


def haproxy(row, address, behind):
    """haproxy: port 25 of the host is another machine's."""
    installed("/usr/sbin/haproxy")
    (row / "haproxy.conf").write_text(f"""defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen mail
  bind {address}:25
  server filter {behind}:25
""")
    told = start(row, "haproxy", "/usr/sbin/haproxy", "-db", "-f", row / "haproxy.conf")
    wait_for(address, 25, told)
