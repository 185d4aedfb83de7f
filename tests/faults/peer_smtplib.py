"""peer_smtplib.py HOST ACCOUNT USER PASSWORD: can this account send? The short script that one finds everywhere."""

import json
import smtplib
import ssl
import sys


def main():
    host, account, user, password = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], sys.argv[4]
    context = ssl.create_default_context()
    try:
        if account["tls"] == 3:
            server = smtplib.SMTP_SSL(host, account["port"], timeout=10, context=context)
        else:
            server = smtplib.SMTP(host, account["port"], timeout=10)
        server.ehlo()
        if account["tls"] == 2:
            server.starttls(context=context)
            server.ehlo()
        if account["auth"] == 3:
            server.login(user, password)
        for answer in (server.mail(user), server.rcpt("postmaster@example.com")):
            if answer[0] >= 400:
                raise smtplib.SMTPResponseException(*answer)
        server.quit()
        print("ok")
    except Exception as error:  # a script tells whatever it was
        print(f"{type(error).__name__}: {error}")


main()
