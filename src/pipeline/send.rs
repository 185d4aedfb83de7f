//! One real message to the account's own address through its new settings: `--send-test` and `port26 try`.

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;

use super::Tools;
use super::log_in::{in_background, may_not_be_read};
use crate::account::{Account, Notice, SubmissionServer};
use crate::credentials::CredentialBook;
use crate::plan::Outcome;
use crate::plan::meeting::mechanisms;
use crate::probe::finding::{HostFindings, PortFinding, Resolution};
use crate::probe::{MessageLogin, PlaintextAuth, SendError};
use crate::report::AccountReport;

/// Why a test message was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestMailError {
    /// Only the mail program has the password.
    #[error("port26 does not have the password of {user}")]
    NoPassword {
        /// The login.
        user: String,
    },
    /// The address cannot be written into a message.
    #[error("{address} is not an address that a message can be sent to")]
    Address {
        /// The address.
        address: String,
    },
    /// The port that was proven a moment ago is gone.
    #[error("port {port} of {host} did not answer")]
    NoAnswer {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// A program of this computer, or a gateway that it trusts, would read the password.
    #[error("a program on this computer, or a gateway that it trusts, reads along on port {port} of {host}")]
    ReadAlong {
        /// The host.
        host: String,
        /// The port.
        port: u16,
    },
    /// The server did not take it.
    #[error(transparent)]
    Send(#[from] SendError),
}

/// Sends one message for each account that was just fixed, and notes on the account what became of it.
pub(super) async fn send_tests(tools: &Tools, accounts: &mut [AccountReport]) {
    for report in accounts.iter_mut().filter(|report| report.result == Some(Outcome::Fixed)) {
        let Some(to) = report.after.clone() else { continue };
        let notice = match send_test(tools, &report.account, &to, "port26 test message").await {
            Ok(()) => Notice {
                code: "test_sent".to_owned(),
                message: format!("A test message went out through port {}.", to.port),
            },
            Err(error) => {
                Notice { code: "test_not_sent".to_owned(), message: format!("The test message was not sent: {error}.") }
            }
        };
        report.account.notices.push(notice);
    }
}

/// Sends one message from the account's address to itself.
pub async fn send_test(
    tools: &Tools,
    account: &Account,
    server: &SubmissionServer,
    subject: &str,
) -> Result<(), TestMailError> {
    // As it is set up now: a password is looked for under the server that it goes to.
    let account = &Account { outgoing: server.clone(), ..account.clone() };
    let user = account.login_user().unwrap_or_default().to_owned();
    let credential =
        in_background(tools, account, CredentialBook::find_by_names).await.ok_or(TestMailError::NoPassword { user })?;
    let message = message(account.email.as_deref().unwrap_or_default(), subject)?;
    let (_, session) = tools.prober.open(&server.host, server.port, server.tls).await;
    let session = session.ok_or_else(|| TestMailError::NoAnswer { host: server.host.clone(), port: server.port })?;
    if may_not_be_read(tools, &alone(tools, session.finding()), &session) {
        session.close().await;
        return Err(TestMailError::ReadAlong { host: server.host.clone(), port: server.port });
    }
    let abilities = tools.abilities(account);
    let offered = mechanisms(&abilities, server.tls, session.finding());
    let mechanism = abilities.mechanism(server.auth, server.mechanism, &offered);
    let login = MessageLogin { user: &credential.user, password: &credential.password, mechanism };
    session.send(Some(login), &message, PlaintextAuth::Refused).await?;
    Ok(())
}

/// What is known of a host from one conversation with it.
pub(super) fn alone(tools: &Tools, finding: &PortFinding) -> HostFindings {
    let addresses = finding.attempts.iter().map(|attempt| attempt.address).collect();
    let resolution = Resolution::Addresses { addresses, mapped: false };
    HostFindings {
        ports: vec![finding.clone()],
        named_by_policy: tools.policy.names_host(&finding.host),
        ..HostFindings::nothing_of(&finding.host, resolution)
    }
}

fn message(address: &str, subject: &str) -> Result<Message, TestMailError> {
    let wrong = || TestMailError::Address { address: address.to_owned() };
    let mailbox: Mailbox = address.parse().map_err(|_| wrong())?;
    // Unique enough for a mailbox, and without the name of this computer.
    let id = format!("<{}.{}@{}>", jiff::Timestamp::now().as_nanosecond(), std::process::id(), mailbox.email.domain());
    Message::builder()
        .message_id(Some(id))
        .from(mailbox.clone())
        .to(mailbox)
        .subject(subject)
        .header(ContentType::TEXT_PLAIN)
        .body("This message was sent by port26 to show that this account can send again.\r\n".to_owned())
        .map_err(|_| wrong())
}
