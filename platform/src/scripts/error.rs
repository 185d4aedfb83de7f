//! What can go wrong between port26 and a scriptable program, with the next step.

use super::App;

/// Why a program's properties could not be read or set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// No such programs on this system, or not this user's.
    #[error("{app} can only be spoken to on its own Mac, as its own user")]
    NotHere {
        /// The program.
        app: App,
    },
    /// It may not be spoken to now: nothing was asked to be changed.
    #[error("{app} is left alone until something is to be changed")]
    NotNow {
        /// The program.
        app: App,
    },
    /// macOS does not allow it (-1743), or an administrator's profile forbids it.
    #[error("macOS does not allow port26 to control {app}")]
    NotAllowed {
        /// The program.
        app: App,
    },
    /// It is not installed.
    #[error("{app} is not installed")]
    NotInstalled {
        /// The program.
        app: App,
    },
    /// It ended, or lost the connection (-600, -609), twice.
    #[error("{app} ended while port26 spoke to it")]
    Ended {
        /// The program.
        app: App,
    },
    /// No answer in time (-1712, or the whole conversation took too long).
    #[error("{app} did not answer in time")]
    TimedOut {
        /// The program.
        app: App,
    },
    /// None of its objects fits.
    #[error("{app} has no {object}")]
    NoSuchObject {
        /// The program.
        app: App,
        /// The object.
        object: String,
    },
    /// More than one of its objects fits.
    #[error("{app} has several {object} that cannot be told apart")]
    Ambiguous {
        /// The program.
        app: App,
        /// The object.
        object: String,
    },
    /// A property is not what it was.
    #[error("{property} of {app} was changed since it was read")]
    Changed {
        /// The program.
        app: App,
        /// The property.
        property: String,
    },
    /// It was set, and reads as something else; everything was set back.
    #[error("{app} did not take the new {property}")]
    NotTaken {
        /// The program.
        app: App,
        /// The property.
        property: String,
    },
    /// Another refusal, in the program's own words.
    #[error("{app} refused: {message}")]
    Refused {
        /// The program.
        app: App,
        /// AppleScript's number for it.
        number: Option<i32>,
        /// Its words.
        message: String,
    },
    /// The answer is not one.
    #[error("the answer of {app} makes no sense: {why}")]
    Garbled {
        /// The program.
        app: App,
        /// What is wrong with it.
        why: String,
    },
}

impl ScriptError {
    /// The error with this AppleScript number.
    pub(super) fn numbered(app: &App, number: Option<i32>, message: &str) -> Self {
        let app = app.clone();
        match number {
            // -1744: it would have to ask, and may not.
            Some(-1743 | -1744) => Self::NotAllowed { app },
            Some(-600 | -609) => Self::Ended { app },
            Some(-1712) => Self::TimedOut { app },
            // -10814: Launch Services knows no such program; -2700: as JavaScript tells it.
            Some(-10814) => Self::NotInstalled { app },
            Some(-2700) if message.contains("can't be found") || message.contains("can\u{2019}t be found") => {
                Self::NotInstalled { app }
            }
            _ => Self::Refused { app, number, message: message.to_owned() },
        }
    }

    /// Stable name of the error, snake_case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotHere { .. } => "no_scripting",
            Self::NotNow { .. } => "not_asked",
            Self::NotAllowed { .. } => "automation_permission",
            Self::NotInstalled { .. } => "app_missing",
            Self::Ended { .. } => "app_ended",
            Self::TimedOut { .. } => "app_silent",
            Self::NoSuchObject { .. } => "object_gone",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Changed { .. } => "changed_meanwhile",
            Self::NotTaken { .. } => "not_taken",
            Self::Refused { .. } => "app_refused",
            Self::Garbled { .. } => "app_garbled",
        }
    }

    /// The next step.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotHere { .. } => "Run port26 on that Mac, as the user whose mail it is.",
            Self::NotNow { .. } => "Run `port26 fix`.",
            Self::NotAllowed { .. } => {
                "Open System Settings > Privacy & Security > Automation (before macOS 13: System Preferences > Security & \
                 Privacy > Privacy > Automation), switch on the mail program below port26, or below the program port26 was \
                 started from (Terminal), and run port26 again. On a managed Mac the administrator allows it."
            }
            Self::NotInstalled { .. } => "Nothing to do, unless you use that program: then install it again.",
            Self::Ended { .. } | Self::TimedOut { .. } => {
                "Open the mail program, answer what it asks, close it, and run port26 again."
            }
            Self::NoSuchObject { .. } | Self::Changed { .. } | Self::NotTaken { .. } => {
                "Look at the account in the mail program, close it, and run port26 again."
            }
            Self::Ambiguous { .. } => {
                "In the mail program, remove the outgoing server that is not needed, then run port26 again."
            }
            Self::Refused { .. } | Self::Garbled { .. } => {
                "Set the account by hand in the mail program; `port26 scan` lists the steps."
            }
        }
    }
}
