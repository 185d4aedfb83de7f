//! What strangers say in the network: each reader of it by itself, on bytes, for the fuzz targets (`fuzz/`), which are another
//! package. Nothing else calls it.

use std::net::IpAddr;
use std::time::Instant;

use rustls::CertificateError;
use rustls::pki_types::CertificateDer;

use super::chain::{Chain, is_subject, subject_organisation};
use super::finding::{Ehlo, End, HttpFinding, Reply, TlsFinding};
use super::hello::message;
pub use super::hello::message::Answer as FirstAnswer;
use super::http;
use super::secrets::Secrets;
use super::sender_policy::{self, Directive};
use super::transcript::{Transcript, ehlo};

/// What was made of a conversation.
#[derive(Debug)]
pub struct Heard {
    /// Its replies, each with what it offers if it is one to EHLO.
    pub replies: Vec<(Reply, Ehlo)>,
    /// A greeting that was begun.
    pub begun: Option<Reply>,
    /// Why there is no further reply.
    pub why: End,
    /// How many bytes were taken before nobody listened any more.
    pub taken: usize,
}

/// Listens to these pieces, as they come from the network; with a login, to what comes after it was sent.
pub fn conversation<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, login: Option<(&str, &str)>) -> Heard {
    let mut transcript = Transcript::new(Instant::now());
    if let Some((user, password)) = login {
        transcript.hide(Secrets::new(user, password));
    }
    let mut taken = 0;
    for piece in pieces {
        if transcript.is_over() {
            break;
        }
        transcript.feed(piece);
        taken += piece.len();
    }
    let replies: Vec<_> = (0..transcript.count())
        .filter_map(|at| transcript.reply(at))
        .map(|reply| (reply.clone(), ehlo(reply)))
        .collect();
    Heard { begun: transcript.begun_greeting(), why: transcript.why(replies.len()), replies, taken }
}

/// What the first bytes are that a host answers to a hello.
pub fn first_answer(bytes: &[u8]) -> FirstAnswer {
    message::answer(bytes)
}

/// Reads the head of an answer by HTTP.
pub fn http_head(head: &str) -> HttpFinding {
    let mut finding = HttpFinding { host: String::new(), status: None, location: None, date: None };
    http::read_head(head, &mut finding);
    finding
}

/// The date at the end of a greeting.
pub fn date(text: &str) -> Option<i64> {
    http::date(text)
}

/// Says everything that can be said of a chain of certificates; `None` if the server's own cannot be read.
pub fn certificates(leaf: &[u8], sent: &[&[u8]], host: &str, now: i64) -> Option<TlsFinding> {
    let leaf = CertificateDer::from(leaf);
    let sent: Vec<CertificateDer<'_>> = sent.iter().map(|&one| CertificateDer::from(one)).collect();
    let organisations: Vec<String> = sent.iter().filter_map(subject_organisation).collect();
    let chain = Chain::new(&leaf, &sent)?;
    let mut finding = TlsFinding {
        local_root: chain.fits(host) && chain.is_open() && is_subject(&leaf, chain.ends_in()),
        ..TlsFinding::bare(chain.in_date(now).err().or_else(|| chain.too_weak()), 0)
    };
    chain.describe(&mut finding);
    use CertificateError as Wrong;
    for wrong in [Wrong::Expired, Wrong::NotValidForName, Wrong::UnknownIssuer, Wrong::BadSignature] {
        let trouble = chain.trouble(&wrong, now, |name| name.len() % 2 == 0, &organisations);
        finding.trouble.get_or_insert(trouble);
    }
    Some(finding)
}

/// Reads a record of a domain's, whatever it is; whether this address is named by it.
pub fn sender_policy(record: &str, address: IpAddr) -> bool {
    let (directives, _) = sender_policy::parse(record);
    let of_dmarc = ["v", "p", "sp"].map(|name| sender_policy::tag(record, name));
    let named = directives.into_iter().any(|(_, directive)| match directive {
        Directive::Net(net, bits) => sender_policy::within(address, net, bits),
        _ => false,
    });
    named || sender_policy::is_spf(record) && of_dmarc.iter().any(Option::is_some)
}
