"""The keys of configuration profiles that port26 uses, as Apple publishes them: name -> (type, must be there, allowed
values). Read from github.com/apple/device-management (MIT), release branch, mdm/profiles/: TopLevel.yaml,
CommonPayloadKeys.yaml, com.apple.TCC.configuration-profile-policy.yaml, com.apple.servicemanagement.yaml,
com.apple.mail.managed.yaml. Of each only what macOS takes; passwords are left out because port26 never writes one."""

TOP = {
    "PayloadIdentifier": (str, True, None),
    "PayloadUUID": (str, True, None),
    "PayloadType": (str, True, {"Configuration"}),
    "PayloadVersion": (int, True, {1}),
    "PayloadContent": (list, True, None),
    "PayloadDescription": (str, False, None),
    "PayloadDisplayName": (str, False, None),
    "PayloadOrganization": (str, False, None),
    "PayloadScope": (str, False, {"System", "User"}),
}
COMMON = {
    "PayloadIdentifier": (str, True, None),
    "PayloadUUID": (str, True, None),
    "PayloadType": (str, True, None),
    "PayloadVersion": (int, True, {1}),
    "PayloadDescription": (str, False, None),
    "PayloadDisplayName": (str, False, None),
    "PayloadOrganization": (str, False, None),
}
TCC = {"Services": (dict, True, None)}
TCC_SERVICES = {"AppleEvents", "SystemPolicyAllFiles"}
TCC_IDENTITY = {
    "Identifier": (str, True, None),
    "IdentifierType": (str, True, {"bundleID", "path"}),
    "CodeRequirement": (str, True, None),
    "StaticCode": (bool, False, None),
    "Allowed": (bool, True, None),
    "Comment": (str, False, None),
}
# "required for AppleEvents service; not valid for other services"
TCC_RECEIVER = {
    "AEReceiverIdentifier": (str, True, None),
    "AEReceiverIdentifierType": (str, True, {"bundleID", "path"}),
    "AEReceiverCodeRequirement": (str, True, None),
}
BACKGROUND = {"Rules": (list, True, None)}
BACKGROUND_RULE = {
    "RuleType": (str, True, {"BundleIdentifier", "BundleIdentifierPrefix", "Label", "LabelPrefix", "TeamIdentifier"}),
    "RuleValue": (str, True, None),
    "Comment": (str, False, None),
}
AUTHENTICATION = {"EmailAuthNone", "EmailAuthPassword", "EmailAuthCRAMMD5", "EmailAuthNTLM", "EmailAuthHTTPMD5"}
MAIL = {
    "EmailAccountDescription": (str, False, None),
    "EmailAccountName": (str, False, None),
    "EmailAccountType": (str, True, {"EmailTypeIMAP", "EmailTypePOP"}),
    "EmailAddress": (str, False, None),
    "IncomingMailServerAuthentication": (str, True, AUTHENTICATION),
    "IncomingMailServerHostName": (str, True, None),
    "IncomingMailServerPortNumber": (int, False, None),
    "IncomingMailServerUseSSL": (bool, False, None),
    "IncomingMailServerUsername": (str, False, None),
    "OutgoingPasswordSameAsIncomingPassword": (bool, False, None),
    "OutgoingMailServerAuthentication": (str, True, AUTHENTICATION),
    "OutgoingMailServerHostName": (str, True, None),
    "OutgoingMailServerPortNumber": (int, False, None),
    "OutgoingMailServerUseSSL": (bool, False, None),
    "OutgoingMailServerUsername": (str, False, None),
    "IncomingMailServerIMAPPathPrefix": (str, False, None),
    "allowMailDrop": (bool, False, None),
}


def faults(given, known, where):
    """What is wrong with a dictionary: keys that Apple does not have, that are missing, of another type or value."""
    for name in given.keys() - known.keys():
        yield f"{where}: Apple knows no {name}"
    for name, (kind, required, allowed) in known.items():
        if name not in given:
            if required:
                yield f"{where}: {name} is missing"
        elif type(given[name]) is not kind:
            yield f"{where}: {name} is {given[name]!r}"
        elif allowed is not None and given[name] not in allowed:
            yield f"{where}: {name} may not be {given[name]!r}"


def profile_faults(profile):
    """All that is wrong with a profile; a payload of port26's own domain is not Apple's to judge."""
    yield from faults(profile, TOP, "the profile")
    seen = [profile.get("PayloadUUID")]
    for payload in profile.get("PayloadContent", []):
        kind = payload.get("PayloadType")
        seen.append(payload.get("PayloadUUID"))
        head = {name: value for name, value in payload.items() if name in COMMON}
        rest = {name: value for name, value in payload.items() if name not in COMMON}
        yield from faults(head, COMMON, kind)
        if kind == "com.apple.TCC.configuration-profile-policy":
            yield from faults(rest, TCC, kind)
            for service, identities in rest["Services"].items():
                if service not in TCC_SERVICES:
                    yield f"{kind}: {service} is not ours to ask for"
                known = TCC_IDENTITY | (TCC_RECEIVER if service == "AppleEvents" else {})
                for identity in identities:
                    yield from faults(identity, known, service)
        elif kind == "com.apple.servicemanagement":
            yield from faults(rest, BACKGROUND, kind)
            for rule in rest["Rules"]:
                yield from faults(rule, BACKGROUND_RULE, kind)
        elif kind == "com.apple.mail.managed":
            yield from faults(rest, MAIL, kind)
        elif kind != "org.port26":
            yield f"{kind}: not a payload that is known here"
    if len(set(seen)) != len(seen):
        yield "two payloads have the same PayloadUUID"
