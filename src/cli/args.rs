//! The command line as others script against it: verbs and flags. An addition is fine, a change is not.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::policy::HostPort;

/// "I can receive mail but not send": finds the mail programs on this computer, tests which outgoing ports
/// get through, and moves accounts that cannot send to SMTP port 26 with authentication. Every change can be undone.
#[derive(Debug, Parser)]
#[command(name = "port26", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// Flags that hold everywhere.
    #[command(flatten)]
    pub global: Global,
}

/// Flags that hold for every verb.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// One JSON document on standard output, nothing else there
    #[arg(long, global = true)]
    pub json: bool,
    /// Only problems and results that need attention
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// No prompt, no output; the log file only
    #[arg(long, global = true)]
    pub silent: bool,
    /// Do not ask before changing settings
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// Show what would be changed, change nothing
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// No colours (also: environment variable NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Write what is done to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Say what each verdict rests on; twice for what is done, step by step
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// The home folder to work on instead of this user's (Windows: the profile folder, with AppData in it)
    #[arg(long, global = true, value_name = "DIR", help_heading = "Another machine")]
    pub home: Option<PathBuf>,
    /// Whose layout that home folder has
    #[arg(long, global = true, value_name = "OS", help_heading = "Another machine")]
    pub os: Option<OsName>,
    /// That user's registry: HKEY_CURRENT_USER as regedit exports it, read and written in place, or NTUSER.DAT itself, only
    /// read (one in the home folder is found)
    #[arg(long, global = true, value_name = "FILE", help_heading = "Another machine")]
    pub registry: Option<PathBuf>,
    /// What is installed on that machine: its HKEY_LOCAL_MACHINE\Software as regedit exports it, or its hive
    /// Windows/System32/config/SOFTWARE; only read
    #[arg(long, global = true, value_name = "FILE", help_heading = "Another machine")]
    pub machine_registry: Option<PathBuf>,
    /// Where journal, receipts and history are kept
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Dial ADDR:PORT where HOST:PORT would be dialled; empty HOST or PORT means any; the first match wins
    #[arg(long, global = true, value_name = "HOST:PORT:ADDR:PORT")]
    pub connect_to: Vec<String>,
    /// A policy file instead of the machine's
    #[arg(long, global = true, value_name = "FILE.toml")]
    pub policy: Option<PathBuf>,
    /// Extra certificates to trust, as PEM: authorities, or those that servers made themselves
    #[arg(long, global = true, value_name = "FILE.pem")]
    pub ca: Option<PathBuf>,
    /// Read passwords from standard input, one USER:PASSWORD a line, or USER@@HOST:PASSWORD for that host alone. One home,
    /// one person's passwords: with --home, each of several lines must name its host
    #[arg(long, global = true)]
    pub credential_stdin: bool,
    /// Keep passwords in this user's keychain even when --home is somebody else's
    #[arg(long, global = true)]
    pub keychain: bool,
}

/// A system's layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum OsName {
    Windows,
    Macos,
    Linux,
}

/// The verbs. Each runs the pipeline up to one stage.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List mail programs and accounts; no network, writes nothing
    Scan,
    /// Test the outgoing ports of the accounts and say what is wrong; changes nothing
    Test(Selection),
    /// Test, then move the accounts that need it to a port that works
    Fix(FixArgs),
    /// Put back what was there, byte for byte
    Undo(UndoArgs),
    /// Receipts of changes and what is still open
    Status,
    /// Passwords in this computer's keychain
    Credential(CredentialArgs),
    /// The internet provider's own outgoing server, for when no port of the mail host gets through
    Relay(RelayArgs),
    /// The background agent of this user: looks at every login and, if the policy says so, stays
    Agent(AgentArgs),
    /// What the policy is and where each value came from
    Policy(PolicyArgs),
    /// Print a configuration profile that sets up an account in Apple Mail on the port that gets through
    Profile(ProfileArgs),
    /// A rehearsal on invented machines with an embedded mail host behind an embedded provider that blocks port 25
    Try,
}

impl Verb {
    /// Its name in `--json`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Test(_) => "test",
            Self::Fix(_) => "fix",
            Self::Undo(_) => "undo",
            Self::Status => "status",
            Self::Credential(_) => "credential",
            Self::Relay(_) => "relay",
            Self::Agent(_) => "agent",
            Self::Profile(_) => "profile",
            Self::Policy(_) => "policy",
            Self::Try => "try",
        }
    }
}

/// Which accounts.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Ids or e-mail addresses; all accounts if none is given
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
}

/// Arguments of `fix`.
#[derive(Debug, Clone, Default, Args)]
pub struct FixArgs {
    /// Which accounts
    #[command(flatten)]
    pub selection: Selection,
    /// Afterwards send one message to the account's own address
    #[arg(long)]
    pub send_test: bool,
    /// Programs that are open
    #[command(flatten)]
    pub waits: Waits,
}

/// What is done about mail programs that are open.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct Waits {
    /// If a mail program is open: wait until it is closed, then change its accounts
    #[arg(long)]
    pub wait: bool,
    /// If a mail program is open: ask it to close, as its user would, wait for that (a minute, unless --wait or
    /// --wait-max say how long), then change its accounts. No program is ever ended
    #[arg(long)]
    pub close: bool,
    /// With --wait or --close: wait no longer than this
    #[arg(long, value_name = "SECONDS")]
    pub wait_max: Option<u32>,
}

impl Waits {
    /// Is something to be waited for?
    pub fn any(&self) -> bool {
        self.wait || self.close || self.wait_max.is_some()
    }
}

/// Arguments of `undo`.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct UndoArgs {
    /// A receipt, as `fix` and `status` print it; or an account, by id or e-mail address: its latest change, together with
    /// the accounts that were changed in one go with it
    #[arg(value_name = "RECEIPT|ACCOUNT")]
    pub what: Option<String>,
    /// The latest run (the default)
    #[arg(long)]
    pub last: bool,
    /// Every change that is not undone yet, the latest first
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `credential`.
#[derive(Debug, Args)]
pub struct CredentialArgs {
    /// What to do with it
    #[command(subcommand)]
    pub action: CredentialAction,
}

/// Actions on credentials.
#[derive(Debug, Subcommand)]
pub enum CredentialAction {
    /// Keep the password of an account (asked for, or with --credential-stdin)
    Set(Selection),
    /// List whose passwords are kept; never the passwords
    List,
    /// Forget the password of an account
    Forget(ForgetArgs),
}

/// Whose passwords are forgotten.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct ForgetArgs {
    /// Ids or e-mail addresses of accounts, or user names as `credential list` shows them
    #[arg(value_name = "ACCOUNT")]
    pub accounts: Vec<String>,
    /// Every password that port26 keeps
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `agent`.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// What to do with it
    #[command(subcommand)]
    pub action: AgentAction,
}

/// Actions on the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum AgentAction {
    /// Be the agent: do what `fix --silent` does now, then as often as the policy's schedule says
    Run,
    /// Start it at every login of this user
    Install,
    /// Do not start it any more
    Uninstall,
    /// Is it installed, does it run, and what did it see last
    Status,
}

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// What to do with it
    #[command(subcommand)]
    pub action: PolicyAction,
}

/// Actions on the policy.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum PolicyAction {
    /// Every setting, its value and where it came from
    Show,
}

/// Arguments of `relay`.
#[derive(Debug, Args)]
pub struct RelayArgs {
    /// The internet provider, by its domain; found out from the network if not given
    #[arg(value_name = "PROVIDER")]
    pub provider: Option<String>,
    /// Move the accounts that no port of their host gets through for to the provider's server; the sender stays
    #[arg(long = "use", requires = "user")]
    pub use_it: bool,
    /// The login name that the provider gave you
    #[arg(long, value_name = "NAME", requires = "use_it", value_parser = NonEmptyStringValueParser::new())]
    pub user: Option<String>,
    /// The provider's server, if port26 does not know it; port 465 speaks TLS at once, any other STARTTLS
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "provider")]
    pub server: Option<HostPort>,
    /// Only this account, by id or e-mail address; may be given several times
    #[arg(long = "account", value_name = "ACCOUNT", requires = "use_it")]
    pub accounts: Vec<String>,
    /// Programs that are open
    #[command(flatten)]
    pub waits: Waits,
}

/// Arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// The account's address
    #[arg(value_name = "ADDRESS")]
    pub address: String,
    /// The incoming server, if the account is not set up here
    #[arg(long, value_name = "HOST[:PORT]")]
    pub incoming: Option<String>,
    /// What the incoming server speaks
    #[arg(long)]
    pub protocol: Option<Incoming>,
    /// The outgoing server; without a port, the first of the policy's target_ports
    #[arg(long, value_name = "HOST[:PORT]")]
    pub outgoing: Option<String>,
    /// The name to log in with, if it is not the address
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// The person's name in sent messages
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Who hands the profile out
    #[arg(long, value_name = "NAME")]
    pub organization: Option<String>,
}

/// Protocols of incoming servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum Incoming {
    Imap,
    Pop3,
}
