"""A `policies.json` that speaks about outgoing servers."""

import json


def policies(dice, notes, said):
    """The file's bytes; sometimes it is no JSON."""
    notes.append("policies.json")
    names = [line[1] for line in said if "smtp" in line[1]] + ["mail.smtpserver.smtp1.port", "mail.smtpserver.smtp1.try_ssl", "mail.smtpserver.smtp1.authMethod"]
    preferences = {}
    for name in dice.sample(names, min(len(names), dice.choice((1, 1, 2, 3)))):
        preferences[name] = _setting(dice)
    if dice.random() < 0.1:
        preferences["security.strange"] = {"Value": 1, "Status": "locked"}
    whole = {"policies": {"Preferences": preferences}}
    form = dice.choice(("plain",) * 8 + ("text", "other policy", "not json", "comma", "no policies", "bom", "list", "lower case", "empty"))
    if form != "plain":
        notes.append(f"policies {form}")
    text = json.dumps(whole, indent=2)
    return {
        "plain": text,
        "text": json.dumps({"policies": {"Preferences": json.dumps(preferences)}}),
        "other policy": json.dumps({"policies": {"DisableTelemetry": True, "Unheard": 1, "Preferences": preferences}}),
        "not json": text[:-4],
        "comma": text.replace("\n  }\n", ",\n  }\n", 1),
        "no policies": json.dumps(whole["policies"]),
        "bom": "\ufeff" + text,
        "list": json.dumps({"policies": {"Preferences": [preferences]}}),
        "lower case": text.replace("Preferences", "preferences"),
        "empty": "",
    }[form].encode()


def _setting(dice):
    value = dice.choice((25, 26, 587, 0, 1, 2, 3, "h.policy.example", "smtp1", "smtp2", True, False, "", 25.5, None, "25"))
    if dice.random() < 0.15:
        return value
    setting = {"Value": value}
    status = dice.choice(("locked", "locked", "default", "user", "clear", None, "Locked", "unknown"))
    if status:
        setting["Status"] = status
    if dice.random() < 0.05:
        setting["Type"] = "number"
    return setting
