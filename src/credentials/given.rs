//! `--credential-stdin`: `USER:PASSWORD` a line, split at the first colon, or `USER@@HOST:PASSWORD` for that host's
//! operator alone. Errors name the line, never what is in it, and the buffer is wiped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::account::Account;
use crate::operator::{Lending, lending_by_names, operator_of, same_operator};

use super::item::{login_of, names_of};
use super::{Credential, Origin};

/// Between a user and the host that the password is for. No colon and no blank, so that the first colon still ends the
/// user, and a user name may hold blanks; two of them, so that it is told from an address.
const AT_HOST: &str = "@@";

/// More than anybody types or any script pipes.
const LIMIT: usize = 64 << 10;

/// What is wrong with what was given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum GivenError {
    #[error("standard input, line {line}: no colon; write USER:PASSWORD")]
    NoColon { line: usize },
    #[error("standard input, line {line}: no user before the colon; write USER:PASSWORD")]
    NoUser { line: usize },
    #[error("standard input, line {line}: no password after the colon; write USER:PASSWORD")]
    NoPassword { line: usize },
    #[error("standard input, line {line}: not text in UTF-8; send it as UTF-8")]
    NotUtf8 { line: usize },
    #[error("standard input, line {line}: a control character, which no login can carry; send it as plain UTF-8 text")]
    Control { line: usize },
    #[error("standard input, line {line}: the same user as in line {first}; give each user once for a host")]
    Twice { line: usize, first: usize },
    #[error("standard input, line {line}: no host after the @@; write USER@@HOST:PASSWORD")]
    NoHost { line: usize },
    #[error("standard input has more than {limit} bytes; give only the users that are needed")]
    TooLong { limit: usize },
    #[error("standard input could not be read: {0}")]
    Io(#[from] std::io::Error),
}

/// Why a password that was given is not used for an account that it seems to be for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Withheld {
    /// It is the mailbox's password, and the outgoing server is another operator's.
    #[error("what was given is the mailbox's password, and this outgoing server belongs to another company")]
    OtherOperator,
    /// It names no host, and fits accounts at servers of several operators: nobody can tell whose it is.
    #[error("what was given fits accounts at different companies' servers; write USER@@HOST:PASSWORD")]
    AmbiguousHost,
}

#[derive(Debug)]
struct GivenLine {
    user: String,
    /// Whose servers alone it is for.
    host: Option<String>,
    password: SecretString,
    line: usize,
}

/// The credentials given for this run.
#[derive(Debug, Default)]
pub struct Given {
    entries: Vec<GivenLine>,
    /// The operators at whose servers a line without a host fits an account, by line.
    fits: Mutex<BTreeMap<usize, BTreeSet<String>>>,
}

impl Given {
    /// Reads to the end. Empty lines are skipped.
    pub fn read(input: &mut dyn Read) -> Result<Self, GivenError> {
        // One buffer of fixed size: a vector that grows would leave copies behind.
        let mut buffer = Zeroizing::new(vec![0_u8; LIMIT + 1]);
        let mut length = 0;
        loop {
            match input.read(&mut buffer[length..]) {
                Ok(0) => break,
                Ok(more) => length += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
            if length > LIMIT {
                return Err(GivenError::TooLong { limit: LIMIT });
            }
        }
        Self::parse(&buffer[..length])
    }

    fn parse(input: &[u8]) -> Result<Self, GivenError> {
        // PowerShell and Notepad put a mark in front.
        let input = input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input);
        let mut entries: Vec<GivenLine> = Vec::new();
        for (line, bytes) in (1..).zip(input.split(|&byte| byte == b'\n')) {
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            if bytes.is_empty() {
                continue;
            }
            let text = std::str::from_utf8(bytes).map_err(|_| GivenError::NotUtf8 { line })?;
            if text.contains(['\0', '\r']) {
                return Err(GivenError::Control { line });
            }
            let (user, password) = text.split_once(':').ok_or(GivenError::NoColon { line })?;
            if user.is_empty() {
                return Err(GivenError::NoUser { line });
            }
            if password.is_empty() {
                return Err(GivenError::NoPassword { line });
            }
            let (user, host) = user.rsplit_once(AT_HOST).map_or((user, None), |(user, host)| (user, Some(host)));
            if user.is_empty() {
                return Err(GivenError::NoUser { line });
            }
            if host.is_some_and(|host| host.is_empty() || host.contains(['@', ' ', '\t'])) {
                return Err(GivenError::NoHost { line });
            }
            let same = |entry: &&GivenLine| match (&entry.host, host) {
                (None, None) => true,
                (Some(one), Some(other)) => same_operator(one, other),
                _ => false,
            };
            // Whose server it is takes long to tell: only for the same user.
            if let Some(first) = entries.iter().filter(|entry| entry.user == user).find(same) {
                return Err(GivenError::Twice { line, first: first.line });
            }
            let (user, host) = (user.to_owned(), host.map(str::to_owned));
            entries.push(GivenLine { user, host, password: SecretString::from(password), line });
        }
        Ok(Self { entries, ..Self::default() })
    }

    /// Was nothing given?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Are there several lines, and one that names no host? Then nobody can tell whose password is for which server.
    pub fn is_open_list(&self) -> bool {
        self.entries.len() > 1 && self.entries.iter().any(|entry| entry.host.is_none())
    }

    /// The lines of one person, by the name they log in to the computer with: a single line as it is, of several those
    /// of a user with that name, or with an address that begins with it. As they are read again; empty if there are none.
    pub fn lines_of(&self, person: &str) -> Zeroizing<Vec<u8>> {
        let theirs = |entry: &&GivenLine| {
            let name = entry.user.split_once('@').map_or(entry.user.as_str(), |(name, _)| name);
            self.entries.len() == 1 || name.to_lowercase() == person.to_lowercase()
        };
        let mut lines = Zeroizing::new(Vec::with_capacity(LIMIT));
        for entry in self.entries.iter().filter(theirs) {
            let (mark, host) = entry.host.as_ref().map_or(("", ""), |host| (AT_HOST, host.as_str()));
            for part in [&entry.user, mark, host, ":", entry.password.expose_secret(), "\n"] {
                lines.extend_from_slice(part.as_bytes());
            }
        }
        lines
    }

    /// Takes note of accounts that are in reach of this run: a line without a host is used only where all accounts that
    /// it fits are at one operator's servers.
    pub fn meet<'a>(&self, accounts: impl IntoIterator<Item = &'a Account>) {
        for account in accounts {
            if let Some((name, entry)) = self.entry_for(account)
                && (is_given_already(account, name) || lending_by_names(account) == Lending::OneOperator)
            {
                self.note(entry, &account.outgoing.host);
            }
        }
    }

    /// The operators that a line is known to fit, this one among them from now on.
    fn note(&self, entry: &GivenLine, host: &str) -> usize {
        if entry.host.is_some() {
            return 1;
        }
        let mut fits = self.fits.lock().unwrap_or_else(PoisonError::into_inner);
        let operators = fits.entry(entry.line).or_default();
        operators.insert(operator_of(host));
        operators.len()
    }

    /// The credential for this account: by its SMTP user, else by an address that sends through it. Where the account
    /// has no authentication yet, the incoming user counts too, and the name that was given is the one to log in with.
    /// What fits by another name than the one that the server is given already is the mailbox's password.
    pub fn find(&self, account: &Account, lending: Lending) -> Result<Option<Credential>, Withheld> {
        let Some((name, entry)) = self.entry_for(account) else {
            return Ok(None);
        };
        if entry.host.is_none() && !is_given_already(account, name) && lending == Lending::Strangers {
            return Err(Withheld::OtherOperator);
        }
        // Where only a certificate says that both servers are one operator's, it is the mailbox's.
        let by_certificate = !is_given_already(account, name) && lending_by_names(account) == Lending::Strangers;
        let mailbox = account.incoming.as_ref().filter(|_| by_certificate).map(|incoming| &incoming.host);
        if self.note(entry, mailbox.unwrap_or(&account.outgoing.host)) > 1 {
            return Err(Withheld::AmbiguousHost);
        }
        let user = match login_of(account) {
            Some(login) => login,
            None if account.incoming.as_ref().and_then(|incoming| incoming.user.as_deref()) == Some(name) => name,
            None => &entry.user,
        };
        Ok(Some(Credential { user: user.to_owned(), password: entry.password.clone(), origin: Origin::Given }))
    }

    /// Users that were given and belong to none of these accounts.
    pub fn unused<'a>(&'a self, accounts: &'a [Account]) -> impl Iterator<Item = &'a str> {
        let belongs = |entry: &&GivenLine| {
            !accounts.iter().any(|account| names_of(account).any(|name| name.eq_ignore_ascii_case(&entry.user)))
        };
        self.entries.iter().filter(belongs).map(|entry| entry.user.as_str())
    }

    /// The password that was given for exactly this login name at this host, whatever account it belongs to.
    pub fn find_login(&self, host: &str, user: &str) -> Option<Credential> {
        let entry = self.entry(host, user).filter(|entry| self.note(entry, host) == 1)?;
        Some(Credential { user: user.to_owned(), password: entry.password.clone(), origin: Origin::Given })
    }

    /// The line for this account, and by which of its names.
    fn entry_for<'a>(&self, account: &'a Account) -> Option<(&'a str, &GivenLine)> {
        names_of(account).find_map(|name| Some((name, self.entry(&account.outgoing.host, name)?)))
    }

    /// The line for this user at this host: one that names the host before one that names none, the exact name before
    /// one in other case.
    fn entry(&self, host: &str, user: &str) -> Option<&GivenLine> {
        let for_host = |entry: &&GivenLine| entry.host.as_ref().is_none_or(|own| same_operator(own, host));
        let fitting = self.entries.iter().filter(for_host).filter(|entry| entry.user.eq_ignore_ascii_case(user));
        fitting.min_by_key(|entry| (entry.host.is_none(), entry.user != user))
    }
}

/// The server is given this login name already.
fn is_given_already(account: &Account, name: &str) -> bool {
    account.logs_in() && login_of(account) == Some(name)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret;

    use super::*;
    use crate::account::*;

    /// An invented account; `user` is its SMTP user.
    pub(crate) fn account(user: Option<&str>, incoming: Option<&str>, emails: &[&str]) -> Account {
        Account {
            id: "thunderbird/abcd.default/smtp1".into(),
            client: ClientId::Thunderbird,
            profile: "abcd.default".into(),
            email: emails.first().map(|email| (*email).to_owned()),
            emails: emails.iter().map(|email| (*email).to_owned()).collect(),
            used: true,
            outgoing: SubmissionServer {
                host: "mail.hosting.test".into(),
                port: 25,
                port_is_default: false,
                tls: TlsMode::Starttls,
                auth: if user.is_some() { AuthSetting::Password } else { AuthSetting::None },
                credential: if user.is_some() { CredentialSource::Own } else { CredentialSource::None },
                user: user.map(str::to_owned),
                mechanism: None,
            },
            incoming: incoming.map(|user| IncomingServer {
                protocol: IncomingProtocol::Imap,
                host: "mail.hosting.test".into(),
                port: Some(993),
                user: Some(user.into()),
            }),
            not_ours: None,
            notices: Vec::new(),
            password_in_client: false,
            settings: Default::default(),
        }
    }

    fn given(text: &str) -> Given {
        Given::read(&mut text.as_bytes()).unwrap()
    }

    fn found(given: &Given, account: &Account) -> Option<(String, String)> {
        given
            .find(account, Lending::OneOperator)
            .unwrap()
            .map(|found| (found.user, found.password.expose_secret().to_owned()))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.into(), password.into()))
    }

    #[test]
    fn splits_at_the_first_colon_and_takes_either_line_end() {
        let given = given("\u{feff}anna@hosting.test:a:b: c \r\n\r\nbert:x\n");
        assert_eq!(found(&given, &account(Some("anna@hosting.test"), None, &[])), pair("anna@hosting.test", "a:b: c "));
        assert_eq!(found(&given, &account(Some("bert"), None, &[])), pair("bert", "x"));
        assert!(self::given("").is_empty());
        assert!(self::given("\r\n\n").is_empty());
    }

    #[test]
    fn many_lines_are_read_at_once() {
        let text: String = (0..3000).map(|n| format!("u{n}@@h{n}.test:x\n")).collect();
        let began = std::time::Instant::now();
        assert!(!given(&text).is_empty());
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn the_smtp_user_goes_before_the_address() {
        let given = given("anna@hosting.test:by-address\nanna:by-user\n");
        assert_eq!(found(&given, &account(Some("anna"), None, &["anna@hosting.test"])), pair("anna", "by-user"));
        let by_address = self::given("Anna@Hosting.test:by-address");
        assert_eq!(
            found(&by_address, &account(Some("anna"), None, &["anna@hosting.test"])),
            pair("anna", "by-address")
        );
        let other = account(Some("carl"), Some("anna"), &["carl@hosting.test"]);
        assert_eq!(found(&given, &other), None, "the incoming user is another login while there is an SMTP user");
    }

    #[test]
    fn an_account_without_authentication_takes_what_it_will_need() {
        let silent = account(None, Some("anna+hosting.test"), &["anna@hosting.test", "info@hosting.test"]);
        assert_eq!(found(&given("anna+hosting.test:in"), &silent), pair("anna+hosting.test", "in"));
        assert_eq!(found(&given("info@hosting.test:second"), &silent), pair("info@hosting.test", "second"));
        assert_eq!(found(&given("bert@hosting.test:no"), &silent), None);
    }

    #[test]
    fn a_mailboxs_password_is_not_for_another_operators_server() {
        let given = given("anna@hosting.test:mailbox\nanna-out:own\n");
        let strangers = |account: &Account| given.find(account, Lending::Strangers).map(|found| found.is_some());
        let silent = account(None, Some("anna@hosting.test"), &["anna@hosting.test"]);
        assert_eq!(strangers(&silent), Err(Withheld::OtherOperator), "it never had a login there");
        assert_eq!(strangers(&account(Some("web12"), None, &["anna@hosting.test"])), Err(Withheld::OtherOperator));
        assert_eq!(strangers(&account(Some("anna-out"), None, &["anna@hosting.test"])), Ok(true), "it logs in there");
        assert_eq!(strangers(&account(Some("bert"), None, &["bert@hosting.test"])), Ok(false));
    }

    #[test]
    fn a_line_that_names_a_host_is_for_that_operator_alone() {
        let given = given("anna@@smtp.hosting.test:there\nanna:open\nan na@@other.test:a:b\n");
        assert_eq!(found(&given, &account(Some("anna"), None, &[])), pair("anna", "there"));
        let mut elsewhere = account(Some("anna"), None, &[]);
        elsewhere.outgoing.host = "mail.isp.test".into();
        assert_eq!(found(&given, &elsewhere), pair("anna", "open"));
        let mut other = account(None, Some("an na"), &[]);
        other.outgoing.host = "smtp.other.test".into();
        let told = given.find(&other, Lending::Strangers).unwrap().unwrap();
        assert_eq!((told.user.as_str(), told.password.expose_secret()), ("an na", "a:b"), "it was given for this host");
        assert_eq!(found(&self::given("anna@@other.test:x"), &account(Some("anna"), None, &[])), None);
        for (input, wanted) in [
            ("anna@@:x", "no host after the @@"),
            ("anna@@a b:x", "no host"),
            ("@@hosting.test:x", "no user"),
            ("anna@@a.hosting.test:x\nanna@@b.hosting.test:y", "line 2: the same user as in line 1"),
        ] {
            let error = Given::read(&mut input.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(wanted), "{input}: {error}");
        }
    }

    #[test]
    fn a_line_without_a_host_that_fits_two_operators_is_used_at_neither() {
        let given = given("anna@hosting.test:hers\n");
        let here = account(Some("anna@hosting.test"), None, &["anna@hosting.test"]);
        let mut there = here.clone();
        there.outgoing.host = "smtp.other.test".into();
        given.meet([&here]);
        assert_eq!(found(&given, &here), pair("anna@hosting.test", "hers"));
        given.meet([&there]);
        for account in [&here, &there] {
            assert_eq!(given.find(account, Lending::OneOperator).unwrap_err(), Withheld::AmbiguousHost);
        }
        assert!(given.find_login("smtp.hosting.test", "anna@hosting.test").is_none());

        // An account that would never get it does not count.
        let given = self::given("anna@hosting.test:hers\n");
        let mut stranger = account(None, Some("anna@hosting.test"), &["anna@hosting.test"]);
        stranger.outgoing.host = "smtp.isp.test".into();
        given.meet([&here, &stranger]);
        assert_eq!(found(&given, &here), pair("anna@hosting.test", "hers"));
    }

    #[test]
    fn the_lines_of_one_person() {
        let lines = |input: &str, person: &str| String::from_utf8(given(input).lines_of(person).to_vec()).unwrap();
        assert_eq!(lines("bob@hosting.test:b:c\r\n", "anna"), "bob@hosting.test:b:c\n", "one line is whoever's it is");
        let list = "anna@hosting.test:a\nbob@hosting.test:b\nANNA@@isp.test:c\nannabel@hosting.test:d\n";
        assert_eq!(lines(list, "Anna"), "anna@hosting.test:a\nANNA@@isp.test:c\n");
        assert_eq!(lines(list, "carl"), "");
        assert!(given(list).is_open_list() && !given("anna:a").is_open_list());
        assert!(!given("anna@@a.test:a\nbob@@a.test:b").is_open_list());
    }

    #[test]
    fn exact_case_wins_over_other_case() {
        let given = given("ANNA:upper\nanna:lower\n");
        assert_eq!(found(&given, &account(Some("anna"), None, &[])), pair("anna", "lower"));
        assert_eq!(found(&given, &account(Some("ANNA"), None, &[])), pair("ANNA", "upper"));
    }

    #[test]
    fn errors_name_the_line_and_never_what_is_in_it() {
        let cases: [(&[u8], &str); 8] = [
            (b"anna:ok\nhunter2\n", "line 2: no colon"),
            (b":hunter2", "line 1: no user"),
            (b"hunter2:\r\n", "line 1: no password"),
            (b"\n\nhunter2:\n", "line 3: no password"),
            (b"anna:hunter2\xff\n", "line 1: not text in UTF-8"),
            (b"a\0n\0n\0a\0:\0hunter2", "line 1: a control character"),
            (b"anna:hunter2\nbert:x\nanna:hunter2\n", "line 3: the same user as in line 1"),
            (b"   hunter2 \n", "line 1: no colon"),
        ];
        for (input, wanted) in cases {
            let error = Given::read(&mut &*input).unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(said.contains(wanted), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
            assert!(!said.contains("anna"), "{said}");
        }
    }

    #[test]
    fn too_much_is_refused_and_the_limit_itself_is_not() {
        let line = |length: usize| [b"anna:".as_slice(), &vec![b'x'; length - 5]].concat();
        assert!(Given::read(&mut line(LIMIT).as_slice()).is_ok());
        assert!(matches!(Given::read(&mut line(LIMIT + 1).as_slice()), Err(GivenError::TooLong { .. })));
        assert!(matches!(Given::read(&mut std::io::repeat(b'x')), Err(GivenError::TooLong { .. })));
    }

    #[test]
    fn users_without_an_account_are_told() {
        let given = given("anna@hosting.test:a\nnobody@hosting.test:b\n");
        let accounts = [account(Some("Anna@hosting.test"), None, &[])];
        assert_eq!(given.unused(&accounts).collect::<Vec<_>>(), ["nobody@hosting.test"]);
    }

    #[test]
    fn debug_shows_no_password() {
        let shown = format!("{:?}", given("anna:hunter2"));
        assert!(shown.contains("anna") && !shown.contains("hunter2"), "{shown}");
    }

    proptest! {
        #[test]
        fn any_user_and_password_come_back(user in "[^:\\x00\r\n\u{feff}]{1,20}", password in "[^\\x00\r\n]{1,30}", crlf: bool) {
            let end = if crlf { "\r\n" } else { "\n" };
            prop_assume!(!user.contains(AT_HOST));
            let given = given(&format!("{user}:{password}{end}"));
            prop_assert_eq!(found(&given, &account(Some(&user), None, &[])), Some((user, password)));
        }

        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Given::read(&mut bytes.as_slice());
        }
    }
}
