"""Who there is in the invented world of every lab."""

# the mail host, its customer, and somebody else's host
DOMAIN, HOST = "hosting.test", "mail.hosting.test"
USER, PASSWORD = "jan@hosting.test", "Geheim-2014 x"
OTHER = "mx.friend.test"
