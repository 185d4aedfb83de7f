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
// Whom the program finds in logins.json below the origins that count for a host, by its own search.
const kept = async (scheme, host) => {
  const name = host.includes(":") ? `[${host}]` : host;
  const found = new Map();
  for (const origin of new Set([`${scheme}://${name}`, `${scheme}://${name.toLowerCase()}`])) {
    for (const login of await Services.logins.searchLoginsAsync({ origin, httpRealm: origin })) {
      if (login.password) {
        found.set(login.QueryInterface(Ci.nsILoginMetaInfo).guid, login.username);
      }
    }
  }
  return [...found.values()].sort();
};
// Would it log in without a question? The very function that SMTP calls says so; a question would be this window.
const windows = Services.ww;
const finds = server => {
  Object.defineProperty(Services, "ww", { value: { activeWindow: null, openWindow() {} }, configurable: true, writable: true });
  try {
    return !!server.getPasswordWithUI("x", "x");
  } catch {
    return false;
  } finally {
    server.password = "";
    Object.defineProperty(Services, "ww", { value: windows, configurable: true, writable: true });
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
      finds: own?.hostname && own.username ? finds(own) : null,
      kept: own?.hostname ? await kept("smtp", own.hostname) : [],
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
    const incoming = account.incomingServer;
    const scheme = { imap: "imap", pop3: "mailbox" }[incoming?.type];
    facts.senders.push({
      account: account.key,
      identity: identity.key,
      email: identity.email && bytes(identity.email),
      server: key && bytes(key),
      mailbox: scheme ? await kept(scheme, incoming.hostname) : [],
    });
  }
}
return facts;
