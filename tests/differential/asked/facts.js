// What this Thunderbird would do when somebody sends. Part of a function of `args`; returns the facts.
const facts = { servers: [], senders: [], failed: null };
// A preference of bytes comes as one character a byte. What is no UTF-8 is nothing here: port26 cannot show it, and then
// changes nothing.
const bytes = text => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(text, c => c.charCodeAt(0)));
  } catch {
    return null;
  }
};
try {
  for (const server of MailServices.outgoingServer.servers) {
    // the others are not written in JavaScript, and one that is not set up does not even say its type
    const own = server.wrappedJSObject ?? null;
    facts.servers.push({
      key: bytes(server.key),
      type: own ? own.type : Services.prefs.getCharPref(`mail.smtpserver.${server.key}.type`),
      host: own ? own.hostname : null,
      port: own ? own.port : null,
      socket: own ? own.socketType : null,
      auth: own ? own.authMethod : null,
      user: own ? bytes(own.username) : null,
    });
  }
} catch (error) {
  facts.servers = [];
  facts.failed = String(error.message ?? error);
}
for (const account of MailServices.accounts.accounts) {
  for (const identity of account.identities) {
    let key = null;
    try {
      key = MailServices.outgoingServer.getServerByIdentity(identity)?.key ?? null;
    } catch {}
    facts.senders.push({ account: account.key, identity: identity.key, email: identity.email && bytes(identity.email), server: key && bytes(key) });
  }
}
return facts;
