// Makes a running Thunderbird read a profile as it does at a start, with its own code and in its own order: defaults,
// prefs.js, user.js, saved logins, policies, migrations. Runs before facts.js; `args` holds the profile's folder. Returns null
// if what an earlier profile left cannot be taken back: then the program has to be started anew.
const [profile] = args, { prefs } = Services, root = "mail";
const window = Services.wm.getMostRecentWindow("mail:3pane");
const plain = prefs.getDefaultBranch("");
const value = (branch, name) => {
  switch (prefs.getPrefType(name)) {
    case prefs.PREF_STRING: return branch.getCharPref(name);
    case prefs.PREF_INT: return branch.getIntPref(name);
    case prefs.PREF_BOOL: return branch.getBoolPref(name);
  }
  return undefined;
};
const put = (name, built_in) => {
  switch (typeof built_in) {
    case "string": return plain.setCharPref(name, built_in);
    case "number": return plain.setIntPref(name, built_in);
    default: return plain.setBoolPref(name, built_in);
  }
};
// what the program brings along, as it was before the first profile
window.port26Defaults ??= new Map(
  prefs.getChildList(root).filter(name => prefs.prefHasDefaultValue(name)).map(name => [name, value(plain, name)])
);
const defaults = window.port26Defaults, names = [...defaults.keys()];
for (const name of prefs.getChildList(root)) {
  if (prefs.prefIsLocked(name)) {
    prefs.unlockPref(name);
  }
  if (prefs.prefHasUserValue(name)) {
    prefs.clearUserPref(name);
  }
  // a default cannot go without what is below it, and what was built in never comes back
  if (!defaults.has(name) && !names.some(other => other.startsWith(`${name}.`))) {
    prefs.deleteBranch(name);
  }
}
for (const [name, built_in] of defaults) {
  if (value(plain, name) !== built_in) {
    put(name, built_in);
  }
}
// Observers of preferences ask for accounts at each one that is read. As long as there is a list, if an empty one,
// they get it; else what is half read would be taken for broken, and removed.
MailServices.accounts.unloadAccounts();
MailServices.accounts.loadAccounts();
if (prefs.getChildList(root).some(name => !defaults.has(name))) {
  return null;
}
for (const name of ["prefs.js", "user.js"]) {
  const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
  file.initWithPath(profile);
  file.append(name);
  if (file.exists()) {
    try {
      // complains about a file with errors, and has read the rest of it
      prefs.readUserPrefsFromFile(file);
    } catch {}
  }
}
// The key is this program's own; the saved logins are read by the same code as at a start.
const { LoginStore } = ChromeUtils.importESModule("resource://gre/modules/LoginStore.sys.mjs");
const saved = new LoginStore(PathUtils.join(profile, "logins.json"));
await saved.load();
await Services.logins.initializationPromise;
Services.logins.wrappedJSObject._storage._store.data.logins = saved.data.logins;
prefs.clearUserPref("browser.policies.applied");
Cc["@mozilla.org/enterprisepolicies;1"].getService(Ci.nsIObserver).observe(null, "policies-startup", "");
MailServices.accounts.unloadAccounts();
MailServices.outgoingServer.wrappedJSObject._servers = [];
// An observer that looks at the accounts while they are loaded breaks them: a server that exists already counts as a
// double. At a start there is no such observer; here it must not happen.
let disturbed = null;
const listener = {
  QueryInterface: ChromeUtils.generateQI(["nsIIncomingServerListener"]),
  onServerLoaded() {
    disturbed ??= new Error().stack.split("\n").find(line => /^observe@/.test(line));
  },
  onServerUnloaded() {},
  onServerChanged() {},
};
MailServices.accounts.addIncomingServerListener(listener);
const { MailMigrator } = ChromeUtils.importESModule("resource:///modules/MailMigrator.sys.mjs");
try {
  MailMigrator.migrateAtProfileStartup();
} catch {}
MailServices.accounts.loadAccounts();
MailServices.accounts.removeIncomingServerListener(listener);
if (disturbed) {
  throw new Error(`disturbed by ${disturbed}`);
}
