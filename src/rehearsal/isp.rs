//! The network between a machine and its mail host: which public ports it lets through. A pure rule
//! set; whoever dials asks it first and then keeps silent or refuses, as a real network would.

use std::collections::BTreeMap;

/// What happens to a connection attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It gets through.
    Open,
    /// No answer ever comes.
    Drop,
    /// It is refused at once.
    Reject,
}

/// The rules of one network. A rule for one host wins over a rule for every host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Isp {
    everywhere: BTreeMap<u16, Verdict>,
    for_host: BTreeMap<(String, u16), Verdict>,
}

impl Isp {
    /// A network that lets everything through.
    pub fn open() -> Self {
        Self::default()
    }

    /// The usual one: port 25 dropped for every host.
    pub fn that_blocks_25() -> Self {
        Self::open().dropping(25)
    }

    /// Drops this port for every host.
    #[must_use]
    pub fn dropping(mut self, port: u16) -> Self {
        self.everywhere.insert(port, Verdict::Drop);
        self
    }

    /// Refuses this port for every host.
    #[must_use]
    pub fn rejecting(mut self, port: u16) -> Self {
        self.everywhere.insert(port, Verdict::Reject);
        self
    }

    /// Makes an exception for one host: its own relay lets 25 through, or one host is down.
    #[must_use]
    pub fn except(mut self, host: &str, port: u16, verdict: Verdict) -> Self {
        self.for_host.insert((plain(host), port), verdict);
        self
    }

    /// What happens to an attempt to reach this host's port.
    pub fn verdict(&self, host: &str, port: u16) -> Verdict {
        self.for_host.get(&(plain(host), port)).or_else(|| self.everywhere.get(&port)).copied().unwrap_or(Verdict::Open)
    }
}

/// Host names compare without regard to case, and `name.` is `name`.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_25_everywhere_and_nothing_else() {
        let isp = Isp::that_blocks_25();
        for host in ["mail.hosting.test", "smtp.atelier.test", "192.0.2.1"] {
            assert_eq!(isp.verdict(host, 25), Verdict::Drop);
            for port in [26, 143, 465, 587, 993, 2525] {
                assert_eq!(isp.verdict(host, port), Verdict::Open, "{host}:{port}");
            }
        }
    }

    #[test]
    fn an_exception_wins_for_its_host_only() {
        let isp = Isp::that_blocks_25().rejecting(587).except("Relay.isp.test.", 25, Verdict::Open);
        assert_eq!(isp.verdict("relay.ISP.test", 25), Verdict::Open);
        assert_eq!(isp.verdict("relay.isp.test", 587), Verdict::Reject);
        assert_eq!(isp.verdict("mail.hosting.test", 25), Verdict::Drop);
        assert_eq!(Isp::open().verdict("mail.hosting.test", 25), Verdict::Open);
    }
}
