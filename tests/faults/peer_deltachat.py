"""peer_deltachat.py FOLDER HOST USER PASSWORD SECONDS: what the core of Delta Chat makes of this host, with the host's name
given and the ports left to it. As JSON: the port that it logs in at, or how it failed. It trusts public roots only, so it is
told here to take any certificate."""

import json
import os
import re
import subprocess
import sys
import threading


class Core:
    """The core as a program: JSON-RPC, one message a line (package deltachat-rpc-server)."""

    def __init__(self, folder):
        env = dict(os.environ, DC_ACCOUNTS_PATH=f"{folder}/accounts")
        self.process = subprocess.Popen(
            ["deltachat-rpc-server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env
        )
        self._number = 0

    def call(self, method, *parameters):
        """The whole answer, an error too."""
        self._number += 1
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": self._number, "method": method, "params": parameters}) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._number:
                return answer
        raise EOFError


def smtp_part(events):
    """The port of the last attempt, whether it was taken, and what went wrong before."""
    port, connected, complaints = None, False, []
    for event in (one["event"] for one in events):
        text = str(event.get("msg", ""))
        if attempt := re.search(r"SMTP trying to connect to .*:(\d+):\w+", text):
            port = int(attempt[1])
        connected = connected or event["kind"] == "SmtpConnected"
        if event["kind"] == "Warning" and "SMTP" in text:
            complaints.append(text)
        if connected:
            break
    return port if connected else None, complaints


def main():
    folder, host, user, password, seconds = sys.argv[1:6]
    core = Core(folder)
    late = threading.Timer(int(seconds), core.process.kill)
    late.start()
    try:
        account = core.call("add_account")["result"]
        settings = {
            "addr": user,
            "password": password,
            "certificateChecks": "acceptInvalidCertificates",
            "imapServer": host,
            "imapPort": 993,
            "imapSecurity": "ssl",
            "smtpServer": host,
        }
        answer = core.call("add_or_update_transport", account, settings)
        port, complaints = smtp_part(core.call("get_next_event_batch")["result"])
        failed = answer.get("error", {}).get("message")
        told = {"port": port, "failed": " / ".join([*complaints, failed])} if failed else {"port": port}
    except (EOFError, BrokenPipeError):
        told = {"port": None, "failed": f"not done after {seconds} s"}
    late.cancel()
    core.process.kill()
    core.process.wait()
    print(json.dumps(told))


main()
