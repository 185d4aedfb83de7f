//! What is known of an account's mail, in one sentence with dates as the calendar on the wall has them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::places::FilledBy;
use super::sums::{PastMail, Waiting};
use crate::sentence::sentence;

/// What happens to messages that wait, for whoever may not want that.
pub const WILL_GO_OUT: &str =
    "What waits there can go out once the account is moved. Remove from that folder what should not be sent any more.";

/// `None`: there is nothing to say.
pub fn in_words(past: &PastMail, now: &Zoned) -> Option<String> {
    let day = |time: Timestamp| day(time, now);
    let waiting = past.waiting.filter(|waiting| waiting.count > 0);
    let last = past.last_sent.map(|(last, filled_by)| match filled_by {
        FilledBy::ThisProgram => format!("Your last mail from this program went out on {}", day(last)),
        // Another program, or another computer, may have sent it.
        FilledBy::Everybody => format!("The newest mail in its folder of sent mail is of {}", day(last)),
    });
    match (last, waiting) {
        (None, None) => None,
        (Some(last), None) => Some(format!("{last}.")),
        (None, Some(waiting)) => Some(sentence(&waits_in_words(&waiting, now))),
        (Some(last), Some(waiting)) => {
            let since = past.last_sent.zip(waiting.oldest).is_some_and(|((last, _), oldest)| last <= oldest);
            match since {
                true => Some(format!("{last}; since then {}.", messages_wait(&waiting))),
                false => Some(format!("{last}; {}.", waits_in_words(&waiting, now))),
            }
        }
    }
}

/// `4 messages wait in the Outbox, the oldest of 5 November`.
pub fn waits_in_words(waiting: &Waiting, now: &Zoned) -> String {
    let wait = messages_wait(waiting);
    match waiting.oldest {
        None => wait,
        Some(oldest) if waiting.count == 1 && waiting.complete => format!("{wait}, of {}", day(oldest, now)),
        Some(oldest) => format!("{wait}, the oldest of {}", day(oldest, now)),
    }
}

fn messages_wait(waiting: &Waiting) -> String {
    let folder = waiting.folder;
    match (waiting.count, waiting.complete) {
        (1, true) => format!("1 message waits in the {folder}"),
        (count, true) => format!("{count} messages wait in the {folder}"),
        (count, false) => format!("at least {count} messages wait in the {folder}"),
    }
}

/// `3 November`, with the year where it is another one.
fn day(time: Timestamp, now: &Zoned) -> String {
    let day = time.to_zoned(now.time_zone().clone());
    let form = if day.year() == now.year() { "%-d %B" } else { "%-d %B %Y" };
    day.strftime(form).to_string()
}

/// The time now, where the computer is.
pub(crate) fn here() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::system())
}
