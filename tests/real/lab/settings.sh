# Names of the invented world, read by the shell and (through the environment) by Python.
export HOST=mail.hosting.test            # the mail host: Postfix on 25, 26, 587, 465; Dovecot on 143
export HOST_ADDRESS=127.0.0.25
export OTHER=mx.friend.test              # an unrelated host, so that a blocked port can be told from a closed one
export OTHER_ADDRESS=127.0.0.35
export NAMES_ADDRESS=127.0.0.53          # the DNS server
export MAIL_USER=jan@hosting.test
export MAIL_PASSWORD='Geheim-2014 x'
export FRIEND=friend@friend.test
