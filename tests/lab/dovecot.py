"""Dovecot in a folder of its own, with one user and the services of whoever starts it."""

from lab import programs


def start(folder, certificate, user, password, config, kept=None):
    """Starts it below `folder/dovecot`; returns the file with what it said. Its log is `folder/dovecot/log`. `kept` stands for
    the password in its file, with the scheme in braces."""
    programs.installed("/usr/sbin/dovecot")
    root = folder / "dovecot"
    for part in ("run", "state"):
        (root / part).mkdir(parents=True)
    (root / "users").write_text(f"{user}:{kept or '{PLAIN}' + password}::::::\n")
    (root / "conf").write_text(f"""base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
ssl_cert = <{certificate}.pem
ssl_key = <{certificate}.key
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = {root}/users
}}
{config}
""")
    return programs.start(folder, "dovecot", "/usr/sbin/dovecot", "-F", "-c", root / "conf")
