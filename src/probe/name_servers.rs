//! The configured name servers, asked without the system's resolver: it does not say why a name has no address, and a
//! lost packet costs it five seconds.

use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use tokio::time::{Instant, sleep};

use super::network::Lookup;

/// What another name server has to know an address, once one has said that there is none.
const SECOND_WORD: Duration = Duration::from_millis(300);

/// Name servers that are asked; glibc takes three (resolv.conf(5)).
const MOST_SERVERS: usize = 6;

/// The records of a name: none where there are none; `None` if nobody says so.
pub(super) async fn records(name: &str, kind: RecordType) -> Option<Vec<RData>> {
    let mut builder = TokioResolver::builder_tokio().ok()?;
    hurry(builder.options_mut());
    match builder.build().ok()?.lookup(absolute(name)?, kind).await {
        Ok(answer) => Some(answer.answers().iter().map(|record| record.data.clone()).collect()),
        Err(error) => is_no(&error).then(Vec::new),
    }
}

/// Where a name leads; `None` if no server says. An address that one of them knows counts more than that another knows
/// none, which is waited for a moment: which of two answers a resolver with both passes on is chance.
pub(super) async fn direct(name: &str) -> Option<Lookup> {
    let (config, options) = read_system_conf().ok()?;
    // Without a dot the system's own search list decides what is meant.
    let name = if name.contains('.') { absolute(name)? } else { Name::from_str_relaxed(name).ok()? };
    first_address(config.name_servers(), options, name).await
}

async fn first_address(servers: &[NameServerConfig], mut options: ResolverOpts, name: Name) -> Option<Lookup> {
    hurry(&mut options);
    let mut answers: FuturesUnordered<_> = servers
        .iter()
        .take(MOST_SERVERS)
        .map(|server| answer_of(server.clone(), options.clone(), name.clone()))
        .collect();
    let mut none = false;
    let second_word = sleep(Duration::MAX);
    tokio::pin!(second_word);
    loop {
        tokio::select! {
            answer = answers.next() => match answer {
                Some(Some(Lookup::NoSuchName)) if !none => {
                    none = true;
                    second_word.as_mut().reset(Instant::now() + SECOND_WORD);
                }
                Some(Some(found @ Lookup::Addresses(_))) => return Some(found),
                Some(_) => {}
                None => break,
            },
            () = &mut second_word => break,
        }
    }
    none.then_some(Lookup::NoSuchName)
}

async fn answer_of(server: NameServerConfig, options: ResolverOpts, name: Name) -> Option<Lookup> {
    let alone = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = TokioResolver::builder_with_config(alone, TokioRuntimeProvider::default());
    match resolver.with_options(options).build().ok()?.lookup_ip(name).await {
        Ok(answer) => Some(Lookup::Addresses(answer.iter().collect())),
        Err(error) => is_no(&error).then_some(Lookup::NoSuchName),
    }
}

/// Asked again soon when a packet is lost.
fn hurry(options: &mut ResolverOpts) {
    options.timeout = Duration::from_millis(600);
    options.attempts = 4;
}

/// The name with nothing behind it: a search list would turn one wrong name into several. Underscores are no letters of
/// host names (RFC 952), and yet stand in names that the system resolves.
fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_str_relaxed(name.trim_end_matches('.')).ok()?;
    name.set_fqdn(true);
    Some(name)
}

/// There is no such name, or it has no such record. A server that failed is reported as "no records" too, with its own
/// code.
fn is_no(error: &NetError) -> bool {
    let no_error = |code| code == ResponseCode::NoError;
    error.is_nx_domain()
        || matches!(error, NetError::Dns(DnsError::NoRecordsFound(none)) if no_error(none.response_code))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use hickory_resolver::config::ConnectionConfig;
    use hickory_resolver::proto::op::{Message, OpCode};
    use hickory_resolver::proto::rr::Record;
    use tokio::net::UdpSocket;

    use super::*;

    /// A name server that gives everybody the same answer: a code, or an address.
    async fn server(answer: Result<Ipv4Addr, ResponseCode>) -> NameServerConfig {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut connection = ConnectionConfig::udp();
        connection.port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, asker)) = socket.recv_from(&mut buffer).await {
                let question = Message::from_vec(&buffer[..length]).unwrap();
                let mut reply = Message::response(question.metadata.id, OpCode::Query);
                let asked = question.queries[0].clone();
                match answer {
                    Err(code) => reply.metadata.response_code = code,
                    Ok(address) if asked.query_type() == RecordType::A => {
                        reply.add_answer(Record::from_rdata(asked.name().clone(), 60, RData::A(address.into())));
                    }
                    Ok(_) => {}
                }
                reply.add_query(asked);
                socket.send_to(&reply.to_vec().unwrap(), asker).await.unwrap();
            }
        });
        NameServerConfig::new(IpAddr::from([127, 0, 0, 1]), true, vec![connection])
    }

    async fn ask(answers: &[Result<Ipv4Addr, ResponseCode>]) -> Option<Lookup> {
        let mut servers = Vec::new();
        for answer in answers {
            servers.push(server(*answer).await);
        }
        first_address(&servers, ResolverOpts::default(), absolute("no_such.test").unwrap()).await
    }

    #[tokio::test]
    async fn a_broken_server_hides_nothing() {
        let (broken, none) = (Err(ResponseCode::ServFail), Err(ResponseCode::NXDomain));
        let known = Ok(Ipv4Addr::new(192, 0, 2, 1));
        // Each order several times: what came out was chance.
        for _ in 0..8 {
            for answers in [[broken, none], [none, broken]] {
                assert!(matches!(ask(&answers).await, Some(Lookup::NoSuchName)), "{answers:?}");
            }
            for answers in [[broken, known], [none, known], [known, none]] {
                assert!(
                    matches!(ask(&answers).await, Some(Lookup::Addresses(found)) if found.len() == 1),
                    "{answers:?}"
                );
            }
        }
        assert!(ask(&[broken, broken]).await.is_none());
    }

    #[test]
    fn underscores_are_asked_for() {
        for name in ["no_such.test", "_dmarc.host.test", "spf_c.isp.test."] {
            assert!(absolute(name).is_some_and(|name| name.is_fqdn()), "{name}");
        }
    }
}
