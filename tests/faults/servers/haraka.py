"""Haraka with its own plugins for TLS, logins from a flat file, and the domains that are its own."""

import os
import shutil
from pathlib import Path

from lab.programs import NotInstalled, start, wait_for


def host(row, certificates, address, name, user, password):
    """Ports 25, 26 and 587 alike: its own domain from everybody, the rest after a login."""
    modules = Path(os.environ.get("FAULTS_TOOLS", "/nonexistent"), "haraka/node_modules")
    if not (modules / "Haraka").exists() or not shutil.which("node"):
        raise NotInstalled("Haraka of npm")
    root = row / "haraka"
    config = root / "config"
    config.mkdir(parents=True)
    (root / "queue").mkdir()
    ports = (25, 26, 587)
    listen = ",".join(f"{address}:{port}" for port in ports)
    files = {
        "smtp.ini": f"listen={listen}\nnodes=0\n",
        "me": f"{name}\n",
        "plugins": "tls\nauth/flat_file\nrcpt_to.in_host_list\nqueue/discard\n",
        "host_list": "hosting.test\n",
        "tls.ini": "key=tls_key.pem\ncert=tls_cert.pem\n",
        "auth_flat_file.ini": f"[core]\nmethods=PLAIN,LOGIN,CRAM-MD5\n\n[users]\n{user}={password}\n",
    }
    for file, text in files.items():
        (config / file).write_text(text)
    shutil.copy(modules / "Haraka/config/connection.ini", config)  # it does not start without
    shutil.copy(f"{certificates}/host.key", config / "tls_key.pem")
    shutil.copy(f"{certificates}/host.pem", config / "tls_cert.pem")
    told = start(row, "haraka", "node", modules / "Haraka/bin/haraka", "-c", root)
    for port in ports:
        wait_for(address, port, told)
