"""A Claws Mail that chooses the login itself, at a host that announces CRAM-MD5 over hashed passwords and must refuse everybody who
takes it: on port 26 it cannot send so. port26 moves it there and names a login that works; undo gives its own choice back."""

from clients.claws import ACCOUNT, ClawsMail
from clients.screen import Screen
from journey import Journey
from story import DIR, Port26, main, port_25, step

# "automatic" is number 0
OLD = {"smtp_port": "25", "set_smtpport": "1", "use_smtp_auth": "1", "smtp_auth_method": "0", "ssl_smtp": "0"}
NEW = dict(OLD, smtp_port="26", ssl_smtp="2")
NAMED = {"16": "PLAIN", "1": "LOGIN"}


def story():
    home = DIR / "home"
    home.mkdir()
    with Screen(home) as screen:
        claws = ClawsMail(screen, home)
        account = Journey(claws, "Claws Mail", home, Port26(home, "claws_mail"), ".claws-mail/accountrc", OLD)

        step("Claws Mail saves its account: port 25, with a login of its own choice; none is asked for there")
        port_25("open")
        claws.new_account(ACCOUNT.replace("use_smtp_auth=0", "use_smtp_auth=1\nsmtp_auth_method=0"))
        account.sends("while port 25 is open", 25, secure=False)
        account.is_saved()

        account.cannot_send_by_hand(NEW, refused="CRAM-MD5")
        account.is_put_back_to_the_byte()
        account.is_moved_and_sends(NEW, NAMED)
        account.is_put_back_after_use()
        account.sends_as_before()


main(story)
