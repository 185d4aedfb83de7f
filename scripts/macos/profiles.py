#!/usr/bin/env python3
"""profiles.py: writes installer/macos/profiles/*.mobileconfig again, after a change here; a test compares.

profiles.py TEAM DIR: writes them to DIR for port26 as this Apple team signed it. TEAMID0000 in the repository's own
stands for the ten signs of the team (`codesign -dv /Applications/port26.app` tells them as TeamIdentifier); macOS
grants nothing to a program that is signed ad hoc."""

import pathlib
import plistlib
import re
import sys
import uuid

HOME = pathlib.Path(__file__).resolve().parents[2] / "installer/macos/profiles"
BUNDLE = "org.port26"
LABEL = "org.port26.agent"
TEAM = "TEAMID0000"
OURS = f'identifier "{BUNDLE}" and anchor apple generic and certificate leaf[subject.OU] = "{TEAM}"'
MAIL = ("com.apple.mail", 'identifier "com.apple.mail" and anchor apple')
# from the App Store (where Apple signs) or from Microsoft
OUTLOOK = (
    "com.microsoft.Outlook",
    'identifier "com.microsoft.Outlook" and anchor apple generic and '
    '(certificate leaf[field.1.2.840.113635.100.6.1.9] exists or certificate leaf[subject.OU] = "UBF8T346G9")',
)
# Every setting with its default: what is not to be laid down is taken out.
SETTINGS = {
    "mode": "fix",
    "when": "failing",
    "target_ports": [26, 587, 465, 2525],
    "host_allow_list": [],
    "plaintext_auth": False,
    "allow_host_rename": False,
    "allow_local_interception": False,
    "control_hosts": ["gmail-smtp-in.l.google.com:25", "mx-aol.mail.gm0.yahoodns.net:25"],
    "probe_recipient": "",
    "captive_check_url": "",
    "max_wait_s": 3,
    "read_past_mail": True,
    "send_test": False,
    "schedule": "logon",
    "keep_receipts_days": 365,
}


def may(**more):
    identity = {"Identifier": BUNDLE, "IdentifierType": "bundleID", "CodeRequirement": OURS, "Allowed": True}
    return identity | more


def may_script(receiver):
    identifier, requirement = receiver
    return may(
        AEReceiverIdentifier=identifier, AEReceiverIdentifierType="bundleID", AEReceiverCodeRequirement=requirement
    )


def payload(kind, name, words, content):
    identifier = f"{BUNDLE}.profile.{name}.{kind}"
    head = {
        "PayloadType": kind,
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, identifier)).upper(),
        "PayloadDisplayName": words,
    }
    return head | content


def profile(name, title, words, payloads):
    identifier = f"{BUNDLE}.profile.{name}"
    return {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, identifier)).upper(),
        "PayloadDisplayName": title,
        "PayloadDescription": words,
        "PayloadScope": "System",
        "PayloadContent": payloads,
    }


TCC = "com.apple.TCC.configuration-profile-policy"
PROFILES = {
    "port26-automation": profile(
        "automation",
        "port26: may set up Mail and Outlook",
        "Lets port26 change the outgoing server of accounts in Apple Mail and in Outlook without asking each user.",
        [payload(TCC, "automation", "Automation", {"Services": {"AppleEvents": [may_script(MAIL), may_script(OUTLOOK)]}})],
    ),
    "port26-full-disk-access": profile(
        "full-disk-access",
        "port26: may read the list of mail accounts",
        "Optional. Lets port26 read which outgoing servers the system keeps for Mail, to compare after a change.",
        [payload(TCC, "full-disk-access", "Full Disk Access", {"Services": {"SystemPolicyAllFiles": [may()]}})],
    ),
    "port26-background": profile(
        "background",
        "port26: may run in the background",
        "Keeps the agent of port26 switched on among the login items (macOS 13 and later).",
        [
            payload(
                "com.apple.servicemanagement",
                "background",
                "Login item",
                {"Rules": [{"RuleType": "Label", "RuleValue": LABEL, "Comment": "the agent of port26"}]},
            )
        ],
    ),
    "port26-settings": profile(
        "settings",
        "port26: settings",
        "The policy of port26 for every user of this Mac.",
        [payload(BUNDLE, "settings", "Policy", SETTINGS)],
    ),
}


def text(name, team=TEAM):
    return plistlib.dumps(PROFILES[name], sort_keys=False).replace(TEAM.encode(), team.encode())


def main(arguments):
    if len(arguments) not in (0, 2):
        sys.exit(__doc__)
    team, folder = arguments or (TEAM, HOME)
    if not re.fullmatch("[A-Z0-9]{10}", team):
        sys.exit(f"{team}: the identifier of an Apple team is ten capital letters and digits, as ABCDE12345")
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    for name in PROFILES:
        (pathlib.Path(folder) / f"{name}.mobileconfig").write_bytes(text(name, team))


if __name__ == "__main__":
    main(sys.argv[1:])
