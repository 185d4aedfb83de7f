//! Mail clients that are found and explained but never written: their accounts live in a cloud, in a private
//! store, or in a format that port26 does not edit. One table.

use port26_platform::computer::{Computer, Os};

use super::abilities::{Abilities, table};
use super::outlook::NEW_OUTLOOK_SWITCH;
use super::registry_settings::unreadable;
use super::{Found, InUse, Installation, MailClient, PlanError, Problem, ProfileAt};
use crate::account::{Account, ClientId, SubmissionServer};
use crate::change::Change;

/// A mail client that is explained.
#[derive(Debug, Clone, Copy)]
pub struct Explained {
    client: ClientId,
    /// Its name for people.
    name: &'static str,
    signs: &'static [(Os, Sign)],
    /// What to do, in this order.
    by_hand: &'static [&'static str],
    programs: &'static [&'static str],
}

/// What shows that a client is there.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// A file or folder below the home folder.
    Home(&'static str),
    /// Below the folder of roaming settings (macOS: Application Support; Linux: the configuration folder).
    Roaming(&'static str),
    /// Below the folder of local settings.
    Local(&'static str),
    /// A registry key.
    Key(&'static str),
    /// A registry number that is 1.
    Switch(&'static str, &'static str),
}

impl Explained {
    fn find(&self, computer: &Computer, sign: Sign) -> Result<Option<ProfileAt>, Problem> {
        let profile = |path, key| ProfileAt { name: self.name.to_owned(), path, key };
        let at = match sign {
            Sign::Home(below) => computer.folders.home.join(below),
            Sign::Roaming(below) => computer.folders.roaming.join(below),
            Sign::Local(below) => computer.folders.local.join(below),
            Sign::Key(key) | Sign::Switch(key, _) => {
                let Some(registry) = computer.registry.as_deref() else { return Ok(None) };
                let there = match sign {
                    Sign::Switch(_, value) => {
                        registry.value(key, value).map(|value| value.and_then(|value| value.as_dword()) == Some(1))
                    }
                    _ => registry.has_key(key),
                };
                let there = there.map_err(|error| unreadable(self.client, key, &error))?;
                return Ok(there.then(|| profile(None, Some(key.to_owned()))));
            }
        };
        Ok(at.exists().then(|| profile(Some(at), None)))
    }
}

impl MailClient for Explained {
    fn id(&self) -> ClientId {
        self.client
    }

    fn detect(&self, computer: &Computer) -> Result<Option<Installation>, Problem> {
        for &(os, sign) in self.signs {
            if os != computer.os {
                continue;
            }
            if let Some(profile) = self.find(computer, sign)? {
                let by_hand = self.by_hand();
                return Ok(Some(Installation { profiles: vec![profile], by_hand, ..Installation::of(self.client) }));
            }
        }
        Ok(None)
    }

    fn is_written(&self) -> bool {
        false
    }

    fn by_hand(&self) -> Vec<String> {
        self.by_hand.iter().map(|&step| step.to_owned()).collect()
    }

    fn accounts(&self, _host: &Computer, _at: &Installation) -> Found {
        Found::default()
    }

    fn changes(&self, _account: &Account, _to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
        let why = format!("port26 does not write the settings of {}; its steps by hand are listed with it", self.name);
        Err(PlanError::CannotExpress { client: self.client, why })
    }

    fn abilities(&self, _computer: &Computer, _account: &Account) -> Abilities {
        match self.client {
            ClientId::Eudora => table::EUDORA,
            _ => table::UNKNOWN,
        }
    }

    fn in_use(&self, computer: &Computer, _account: &Account) -> InUse {
        match self.programs {
            [] => InUse::No,
            names => computer.processes.running(names).first().map_or(InUse::No, |&pid| InUse::Yes(Some(pid))),
        }
    }
}

/// New Outlook for Windows.
pub static NEW_OUTLOOK: Explained = Explained {
    client: ClientId::NewOutlook,
    name: "new Outlook",
    signs: &[
        (Os::Windows, Sign::Switch(NEW_OUTLOOK_SWITCH.0, NEW_OUTLOOK_SWITCH.1)),
        (Os::Windows, Sign::Local("Packages/Microsoft.OutlookForWindows_8wekyb3d8bbwe")),
    ],
    by_hand: &[
        "Open Outlook and choose Settings (the gear), then Accounts, then Your accounts.",
        "Choose Manage beside the account, then Repair or Show advanced settings.",
        "Set the outgoing (SMTP) port to 26 and the encryption to StartTLS.",
        "Leave the user name and password as they are for receiving mail, and save.",
        "If there is no such field, remove the account and add it again with Advanced setup.",
        "Send a message to yourself. This Outlook sends through Microsoft's servers, so a port that is blocked here need not be its trouble.",
    ],
    programs: &["olk"],
};

/// Mail of Windows 10.
pub static WINDOWS_MAIL_APP: Explained = Explained {
    client: ClientId::WindowsMailApp,
    name: "Mail (Windows 10)",
    signs: &[(Os::Windows, Sign::Local("Packages/microsoft.windowscommunicationsapps_8wekyb3d8bbwe"))],
    by_hand: &[
        "Open Mail and choose Settings (the gear), then Manage accounts, then the account.",
        "Choose Change mailbox sync settings, then Advanced mailbox settings.",
        "In Outgoing email server write the server's name followed by :26, as in smtp.example.org:26, and tick Require SSL for outgoing email.",
        "Tick Outgoing server requires authentication and Use the same user name and password for sending email.",
        "Choose Done and Save, and send a message to yourself.",
        "Microsoft has ended this program: if it no longer sends, move the account to another mail program.",
    ],
    programs: &["HxOutlook"],
};

/// eM Client.
pub static EM_CLIENT: Explained = Explained {
    client: ClientId::EmClient,
    name: "eM Client",
    signs: &[(Os::Windows, Sign::Roaming("eM Client")), (Os::Macos, Sign::Roaming("eM Client"))],
    by_hand: &[
        "Open eM Client and choose Menu, then Accounts, then the account.",
        "Choose the SMTP tab.",
        "Set Port to 26 and Security policy to Force usage of SSL/TLS (STARTTLS).",
        "Under Authentication choose Use identity credentials.",
        "Choose Diagnostics to test, then Save and Close.",
    ],
    programs: &["MailClient"],
};

/// Mailbird.
pub static MAILBIRD: Explained = Explained {
    client: ClientId::Mailbird,
    name: "Mailbird",
    signs: &[(Os::Windows, Sign::Local("Mailbird/Store/Store.db"))],
    by_hand: &[
        "Open Mailbird and choose its menu, then Settings, then Accounts.",
        "Double-click the account and choose Edit server settings (SMTP).",
        "Set Port to 26 and Encryption to STARTTLS.",
        "Set Authentication to password, with the user name and password used for receiving.",
        "Choose Update, and send a message to yourself.",
    ],
    programs: &["Mailbird"],
};

/// The Bat!
pub static THE_BAT: Explained = Explained {
    client: ClientId::TheBat,
    name: "The Bat!",
    signs: &[(Os::Windows, Sign::Key(r"Software\RIT\The Bat!")), (Os::Windows, Sign::Roaming("The Bat!"))],
    by_hand: &[
        "Open The Bat!, select the account and choose Account, then Properties, then Transport.",
        "Under Send mail set Port to 26 and Connection to Secure to regular port (STARTTLS).",
        "Choose Authentication beside the SMTP server.",
        "Tick Perform SMTP authentication and Use user name and password of mail retrieval.",
        "Choose OK twice, and send a message to yourself.",
    ],
    programs: &["thebat", "thebat64", "thebat32"],
};

/// Foxmail.
pub static FOXMAIL: Explained = Explained {
    client: ClientId::Foxmail,
    name: "Foxmail",
    signs: &[
        (Os::Windows, Sign::Key(r"Software\Aerofox\Foxmail")),
        (Os::Windows, Sign::Key(r"Software\Aerofox\FoxmailPreview")),
        (Os::Windows, Sign::Roaming("Foxmail7")),
    ],
    by_hand: &[
        "Open Foxmail and choose its menu, then Account management, then the account.",
        "Choose the Server tab.",
        "Set the outgoing server's port to 26 and tick STARTTLS.",
        "Set the outgoing server's authentication to the same as for receiving.",
        "Choose Apply, and send a message to yourself.",
    ],
    programs: &["Foxmail"],
};

/// Pegasus Mail.
pub static PEGASUS: Explained = Explained {
    client: ClientId::Pegasus,
    name: "Pegasus Mail",
    signs: &[
        (Os::Windows, Sign::Key(r"Software\Pegasus Mail")),
        (Os::Windows, Sign::Local("Pegasus Mail")),
        (Os::Windows, Sign::Roaming("Pegasus Mail")),
    ],
    by_hand: &[
        "Open Pegasus Mail and choose Tools, then Internet options, then the Sending (SMTP) tab.",
        "Edit the SMTP definition in use and set the TCP/IP port to 26.",
        "On its Security tab choose Via STARTTLS command, and log in with the user name and password for receiving mail (POP3).",
        "Choose OK, and send a message to yourself.",
    ],
    programs: &["winpm-32"],
};

/// Becky! Internet Mail.
pub static BECKY: Explained = Explained {
    client: ClientId::Becky,
    name: "Becky! Internet Mail",
    signs: &[(Os::Windows, Sign::Key(r"Software\RimArts\B2")), (Os::Windows, Sign::Roaming("Becky"))],
    by_hand: &[
        "Open Becky!, select the mailbox and choose Mailbox, then Properties.",
        "On the Basic setup tab tick SMTPS for the outgoing server.",
        "On the Advanced tab set SMTP to 26 and choose STARTTLS beside it.",
        "Tick SMTP authentication; leave its user name empty to use that for receiving.",
        "Choose OK, and send a message to yourself.",
    ],
    programs: &["B2"],
};

/// Eudora.
pub static EUDORA: Explained = Explained {
    client: ClientId::Eudora,
    name: "Eudora",
    signs: &[(Os::Windows, Sign::Key(r"Software\Qualcomm\Eudora")), (Os::Windows, Sign::Roaming("Qualcomm/Eudora"))],
    by_hand: &[
        "Close Eudora and make a copy of the file Eudora.ini in its data folder.",
        "Open Eudora.ini with Notepad and find the section [Settings] (or that of the personality).",
        "Add the line SMTPPort=26 there, or change the one that is there, and save.",
        "Start Eudora and choose Tools, then Options, then Sending Mail.",
        "Tick Allow authentication and set Secure Sockets when Sending to Required, STARTTLS.",
        "Send a message to yourself. Eudora is old: if encryption fails, move the account to another mail program.",
    ],
    programs: &["Eudora"],
};

/// MailMate, but for its accounts: those are read by [`mailmate`].
pub(super) static MAILMATE: Explained = Explained {
    client: ClientId::Mailmate,
    name: "MailMate",
    signs: &[(Os::Macos, Sign::Roaming("MailMate/Submission.plist"))],
    by_hand: &[
        "Open MailMate and choose MailMate, then Settings, then SMTP.",
        "Select the server and set Port to 26.",
        "Tick Require SSL/TLS; MailMate begins with STARTTLS on this port.",
        "Set the user name to that for receiving mail; MailMate asks for its password once.",
        "Close the window, and send a message to yourself.",
    ],
    programs: &["MailMate"],
};

/// Spark.
pub static SPARK: Explained = Explained {
    client: ClientId::Spark,
    name: "Spark",
    signs: &[
        (Os::Macos, Sign::Roaming("Spark Desktop")),
        (Os::Macos, Sign::Home("Library/Containers/com.readdle.smartemail-Mac")),
        (Os::Windows, Sign::Roaming("Spark Desktop")),
    ],
    by_hand: &[
        "Open Spark and choose Settings, then Accounts, then the account.",
        "Open its server settings (Advanced settings).",
        "Set the SMTP port to 26 and the security to STARTTLS.",
        "Fill in the user name and password used for receiving, and save.",
        "Send a message to yourself.",
    ],
    programs: &["Spark", "Spark Desktop"],
};

/// Airmail.
pub static AIRMAIL: Explained = Explained {
    client: ClientId::Airmail,
    name: "Airmail",
    signs: &[(Os::Macos, Sign::Home("Library/Containers/it.bloop.airmail2"))],
    by_hand: &[
        "Open Airmail and choose Airmail, then Settings, then Accounts, then the account.",
        "Choose the SMTP tab and set the port to 26.",
        "Choose STARTTLS, and authentication with the user name and password for receiving.",
        "Close the window, and send a message to yourself.",
    ],
    programs: &["Airmail"],
};

/// Canary Mail.
pub static CANARY: Explained = Explained {
    client: ClientId::Canary,
    name: "Canary Mail",
    signs: &[(Os::Macos, Sign::Home("Library/Containers/io.canarymail.mac"))],
    by_hand: &[
        "Open Canary Mail and choose Settings, then Accounts, then the account.",
        "Open its SMTP settings and set the port to 26 and the encryption to STARTTLS.",
        "Fill in the user name and password used for receiving, and save.",
        "Send a message to yourself.",
    ],
    programs: &["Canary Mail"],
};

/// Mimestream.
pub static MIMESTREAM: Explained = Explained {
    client: ClientId::Mimestream,
    name: "Mimestream",
    signs: &[(Os::Macos, Sign::Home("Library/Containers/com.mimestream.Mimestream"))],
    by_hand: &[
        "There is nothing to set: Mimestream sends through Google's own service, not through an outgoing mail port.",
        "If it cannot send, look at the network connection and at the sign-in to Google.",
    ],
    programs: &["Mimestream"],
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use port26_platform::computer::Folders;
    use port26_platform::processes::NothingRuns;
    use port26_platform::registry::Value;
    use port26_platform::registry::memory::MemoryRegistry;

    use super::*;
    use crate::clients::only_explained;

    fn computer(home: &std::path::Path, os: Os, registry: Option<MemoryRegistry>) -> Computer {
        Computer {
            os,
            folders: Folders::below(home, os),
            registry: registry.map(|registry| Arc::new(registry) as _),
            machine: None,
            processes: Arc::new(NothingRuns),
            scripts: Arc::new(port26_platform::scripts::NoScripts),
            unread: Vec::new(),
            own_session: false,
        }
    }

    fn found(computer: &Computer) -> Vec<Installation> {
        only_explained().filter_map(|client| client.detect(computer).unwrap()).collect()
    }

    #[test]
    fn an_empty_home_has_none() {
        let home = tempfile::tempdir().unwrap();
        for os in [Os::Windows, Os::Macos, Os::Linux] {
            assert_eq!(found(&computer(home.path(), os, Some(MemoryRegistry::new()))), []);
        }
    }

    #[test]
    fn finds_each_by_each_sign_alone_with_its_steps() {
        let table = [
            &NEW_OUTLOOK,
            &WINDOWS_MAIL_APP,
            &EM_CLIENT,
            &MAILBIRD,
            &THE_BAT,
            &FOXMAIL,
            &PEGASUS,
            &BECKY,
            &EUDORA,
            &MAILMATE,
            &SPARK,
            &AIRMAIL,
            &CANARY,
            &MIMESTREAM,
        ];
        assert_eq!(table.len(), only_explained().count());
        for client in table {
            for &(os, sign) in client.signs {
                let home = tempfile::tempdir().unwrap();
                let folders = Folders::below(home.path(), os);
                let mut registry = MemoryRegistry::new();
                match sign {
                    Sign::Home(below) => std::fs::create_dir_all(folders.home.join(below)).unwrap(),
                    Sign::Roaming(below) => std::fs::create_dir_all(folders.roaming.join(below)).unwrap(),
                    Sign::Local(below) => std::fs::create_dir_all(folders.local.join(below)).unwrap(),
                    Sign::Key(key) => registry = registry.with_key(key),
                    Sign::Switch(key, value) => registry = registry.with(key, value, Value::dword(1)),
                }
                let computer = computer(home.path(), os, Some(registry));
                let found = found(&computer);
                assert_eq!(found.len(), 1, "{} {sign:?}", client.name);
                assert_eq!(found[0].client, client.client);
                assert!(found[0].by_hand.len() >= 2 && found[0].by_hand.iter().all(|step| step.ends_with('.')));
                assert!(client.accounts(&computer, &found[0]).accounts.is_empty());
            }
        }
    }

    #[test]
    fn a_switch_that_is_off_is_no_sign() {
        let home = tempfile::tempdir().unwrap();
        let (key, value) = NEW_OUTLOOK_SWITCH;
        for off in [Value::dword(0), Value::sz("1")] {
            let registry = MemoryRegistry::new().with(key, value, off);
            assert_eq!(found(&computer(home.path(), Os::Windows, Some(registry))), []);
        }
    }

    #[test]
    fn every_client_is_listed_once() {
        let mut ids: Vec<ClientId> = only_explained().map(|client| client.id()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), only_explained().count());
    }
}
