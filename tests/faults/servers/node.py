"""smtp-server, which nodemailer's authors wrote: what many small services in Node speak SMTP with."""

import os
import shutil
from pathlib import Path

from lab.programs import NotInstalled, start, wait_for

SERVICE = """
const { SMTPServer } = require('smtp-server');
const { readFileSync } = require('fs');
const [address, certificates, name, user, password] = process.argv.slice(2);
const tls = { key: readFileSync(certificates + '/host.key'), cert: readFileSync(certificates + '/host.pem'), name };
const onAuth = (auth, session, done) =>
  auth.username === user && auth.password === password ? done(null, { user }) : done(new Error('Invalid username or password'));
const onRcptTo = ({ address }, session, done) =>
  session.user || address.endsWith('@hosting.test') ? done() : done(new Error('Relaying denied'));
new SMTPServer({ ...tls, onAuth, onRcptTo, authOptional: true }).listen(25, address);
new SMTPServer({ ...tls, onAuth, onRcptTo }).listen(26, address);
"""


def host(row, certificates, address, name, user, password):
    """Ports 25 and 26."""
    modules = Path(os.environ.get("FAULTS_TOOLS", "/nonexistent"), "node/node_modules")
    if not (modules / "smtp-server").exists() or not shutil.which("node"):
        raise NotInstalled("smtp-server of npm")
    program = row / "service.js"
    program.write_text(SERVICE)
    environment = dict(os.environ, NODE_PATH=str(modules))
    told = start(row, "node", "node", program, address, certificates, name, user, password, env=environment)
    for port in (25, 26):
        wait_for(address, port, told)
