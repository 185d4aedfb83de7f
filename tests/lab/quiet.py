"""A Thunderbird without first-run pages and calls home, which is put there for a run only: a user.js would be found by port26. And an
Evolution that asks nothing that has to do with anything but sending."""

import json

PREFS = {
    "app.donation.eoy.version.viewed": 999,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.shell.checkDefaultClient": False,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "remote.prefs.recommended": False,
    "toolkit.telemetry.enabled": False,
}

USER_JS = "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFS.items())

# as GSettings keeps them in a file
EVOLUTION = """[org/gnome/evolution/mail]
prompt-check-if-default-mailer=false
prompt-on-accel-send=false
prompt-on-unwanted-html=false
prompt-on-empty-subject=false
prompt-on-expunge=false
composer-mode='plain-text'
composer-send-html=false
composer-inherit-theme-colors=false
"""
