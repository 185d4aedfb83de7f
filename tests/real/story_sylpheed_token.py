"""A Sylpheed that chooses the login itself, at a host that announces XOAUTH2: it begins that, has no token, and does not send on port
26. port26 moves it there and names a login that works; undo gives its own choice back."""

from clients.screen import Screen
from clients.sylpheed import ACCOUNT, Sylpheed, trust_the_authority
from journey import Journey
from story import DIR, Port26, main, port_25, step

# "automatic" is number 0
OLD = {"smtp_port": "25", "set_smtpport": "0", "use_smtp_auth": "1", "smtp_auth_method": "0", "ssl_smtp": "0"}
NEW = dict(OLD, smtp_port="26", set_smtpport="1", ssl_smtp="2")
NAMED = {"8": "PLAIN", "1": "LOGIN"}


def story():
    trust_the_authority()
    home = DIR / "home" / "jan"
    home.mkdir(parents=True)
    with Screen(home) as screen:
        sylpheed = Sylpheed(screen, home, DIR / "tmp")
        account = Journey(sylpheed, "Sylpheed", home, Port26(home, "sylpheed"), ".sylpheed-2.0/accountrc", OLD)

        step("Sylpheed saves its account: port 25, with a login of its own choice; none is asked for there")
        port_25("open")
        sylpheed.account(ACCOUNT.replace("use_smtp_auth=0", "use_smtp_auth=1"))
        sylpheed.while_open(lambda: None)
        account.is_saved()
        account.sends("while port 25 is open", 25, secure=False)

        account.cannot_send_by_hand(NEW, refused="XOAUTH2")
        account.is_put_back_to_the_byte()
        account.is_moved_and_sends(NEW, NAMED, send=sylpheed.send_and_end)
        account.is_put_back_after_use()


main(story)
