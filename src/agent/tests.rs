//! When the agent looks, on a clock that the test moves.

use super::*;

/// A machine whose clock and network the test sets.
struct Day {
    watch: Watch,
    glance: Glance,
    schedule: Schedule,
    awaiting: bool,
}

impl Day {
    /// The agent has taken its first look.
    fn begun(schedule: Schedule) -> Self {
        let glance = Glance { now: at("08:00:00"), network: network(&["192.0.2.7"]), closed: false, stop: false };
        let mut day = Self { watch: Watch::default(), glance, schedule, awaiting: false };
        assert_eq!(day.watch.step(&day.glance), Step::Look(Why::Start));
        day.looked();
        day
    }

    fn looked(&mut self) {
        let Glance { now, network, .. } = self.glance.clone();
        let (awaiting, schedule) = (self.awaiting, self.schedule);
        self.watch.looked(Looked { ended: now, network, awaiting, schedule });
    }

    /// Lives up to this moment as the loop does, and tells when looks were taken and why.
    fn until(&mut self, end: &str) -> Vec<(String, Why)> {
        let mut looks = Vec::new();
        loop {
            match self.watch.step(&self.glance) {
                Step::End => return looks,
                Step::Look(why) => {
                    looks.push((self.glance.now.strftime("%H:%M:%S").to_string(), why));
                    self.looked();
                }
                Step::Wait(time) => {
                    assert!(time > Duration::ZERO, "a busy loop");
                    self.glance.now += SignedDuration::try_from(time).unwrap();
                    if self.glance.now > at(end) {
                        self.glance.now = at(end);
                        return looks;
                    }
                }
            }
        }
    }
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-26T{time}Z").parse().unwrap()
}

fn network(addresses: &[&str]) -> BTreeSet<IpAddr> {
    addresses.iter().map(|address| address.parse().unwrap()).collect()
}

#[test]
fn at_logon_is_once() {
    let mut day = Day::begun(Schedule::Logon);
    day.awaiting = true;
    assert_eq!(day.watch.step(&day.glance), Step::End);
}

#[test]
fn hourly_and_daily_by_the_clock_alone() {
    let mut day = Day::begun(Schedule::Hourly);
    let looks = day.until("11:30:00");
    let times: Vec<_> = looks.iter().map(|(time, why)| (time.as_str(), *why)).collect();
    assert_eq!(times, [("09:00:00", Why::Schedule), ("10:00:00", Why::Schedule), ("11:00:00", Why::Schedule)]);
    let mut day = Day::begun(Schedule::Daily);
    assert_eq!(day.until("23:59:00"), []);
    day.glance.now += SignedDuration::from_hours(9);
    assert_eq!(day.watch.step(&day.glance), Step::Look(Why::Schedule));
}

#[test]
fn after_a_sleep_and_with_a_clock_set_back() {
    let mut day = Day::begun(Schedule::Hourly);
    day.glance.now = at("17:00:00");
    assert_eq!(day.watch.step(&day.glance), Step::Look(Why::Schedule));
    day.looked();
    day.glance.now = at("03:00:00");
    let looks = day.until("04:30:00");
    assert_eq!(looks, [("04:00:00".to_owned(), Why::Schedule)]);
}

#[test]
fn a_new_network_once_it_stays() {
    let mut day = Day::begun(Schedule::Daily);
    assert_eq!(day.until("09:00:00"), []);
    day.glance.network = network(&[]);
    assert_eq!(day.until("09:10:00"), [], "there is nothing to test on no network");
    day.glance.network = network(&["198.51.100.3"]);
    day.until("09:10:01");
    day.glance.network = network(&["198.51.100.3", "2001:db8::"]);
    let looks = day.until("10:00:00");
    assert!(matches!(&looks[..], [(time, Why::NetworkChanged)] if time.as_str() < "09:11:00"), "{looks:?}");
}

#[test]
fn the_old_network_again_is_nothing_new() {
    let mut day = Day::begun(Schedule::Daily);
    day.until("09:00:00");
    let home = day.glance.network.clone();
    for there in [network(&[]), home] {
        day.glance.network = there;
        assert_eq!(day.until("09:05:00"), []);
    }
}

#[test]
fn a_network_that_comes_and_goes_is_not_tested_all_the_time() {
    let mut day = Day::begun(Schedule::Daily);
    let mut looks = Vec::new();
    for minute in 0..10 {
        for (second, address) in [(20, "198.51.100.3"), (50, "192.0.2.7")] {
            day.glance.network = network(&[address]);
            looks.extend(day.until(&format!("09:{minute:02}:{second}")));
        }
    }
    assert!(looks.len() <= 10, "{looks:?}");
}

#[test]
fn soon_after_the_program_has_closed() {
    let mut day = Day::begun(Schedule::Hourly);
    day.awaiting = true;
    day.looked();
    assert_eq!(day.until("08:30:00"), []);
    day.glance.closed = true;
    day.awaiting = false;
    let looks = day.until("08:40:00");
    assert!(matches!(&looks[..], [(time, Why::ClientClosed)] if time.as_str() < "08:30:10"), "{looks:?}");
}

#[test]
fn a_program_that_seems_closed_and_is_not_is_asked_ever_more_rarely() {
    let mut day = Day::begun(Schedule::Daily);
    (day.awaiting, day.glance.closed) = (true, true);
    day.looked();
    let looks = day.until("10:00:00").len();
    assert!((8..=16).contains(&looks), "{looks} looks in two hours");
}

#[test]
fn a_closed_program_that_nobody_waits_for_is_nothing() {
    let mut day = Day::begun(Schedule::Daily);
    day.glance.closed = true;
    assert_eq!(day.until("12:00:00"), []);
}

#[test]
fn it_ends_when_asked_and_when_the_schedule_is_taken_back() {
    let mut day = Day::begun(Schedule::Hourly);
    day.glance.stop = true;
    assert_eq!(day.watch.step(&day.glance), Step::End);
    let mut day = Day::begun(Schedule::Hourly);
    day.schedule = Schedule::Logon;
    assert_eq!(day.until("12:00:00").len(), 1);
    assert_eq!(day.watch.step(&day.glance), Step::End);
}

#[test]
fn on_windows_the_entry_names_the_program_without_a_console() {
    let path = |text: &str| PathBuf::from(text);
    let there = |_: &Path| true;
    assert_eq!(program_at_login(&path("/p/port26.exe"), Os::Windows, there), path("/p/port26w.exe"));
    assert_eq!(program_at_login(&path("/p/port26.exe"), Os::Windows, |_| false), path("/p/port26.exe"));
    assert_eq!(program_at_login(&path("/p/port26"), Os::Macos, there), path("/p/port26"));
}
