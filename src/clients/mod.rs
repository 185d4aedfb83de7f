//! One file a mail client behind one trait. An adapter reads and plans; it has no way to write.
//! To add a client: one file, one line in [`CLIENTS`], fixtures (see CONTRIBUTING.md).

pub mod abilities;
mod accountrc;
pub mod apple_mail;
pub mod balsa;
pub mod claws_mail;
mod client;
pub mod evolution;
pub mod explained;
#[cfg(test)]
mod fixture;
mod found;
pub mod geary;
pub mod installed;
mod key_file_settings;
pub mod kmail;
mod linux_homes;
pub mod mailmate;
mod names;
pub mod outlook;
pub mod outlook_express;
pub mod outlook_for_mac;
mod providers;
mod receivers;
#[cfg(test)]
mod registry_fixture;
mod registry_settings;
pub mod scripted;
pub mod sylpheed;
pub mod thunderbird;
pub mod windows_live_mail;

pub use client::{InUse, MailClient, PlanError, SealedPassword};
pub use found::{Found, Installation, Problem, ProfileAt};
pub use names::{client_name, client_title};

/// Every client, in the order they are reported.
pub static CLIENTS: &[&dyn MailClient] = &[
    &outlook::OUTLOOK,
    &outlook_express::OUTLOOK_EXPRESS,
    &windows_live_mail::WINDOWS_LIVE_MAIL,
    &windows_live_mail::WINDOWS_MAIL,
    &apple_mail::APPLE_MAIL,
    &outlook_for_mac::OUTLOOK_FOR_MAC,
    &thunderbird::THUNDERBIRD,
    &thunderbird::BETTERBIRD,
    &thunderbird::SEAMONKEY,
    &thunderbird::POSTBOX,
    &claws_mail::CLAWS_MAIL,
    &sylpheed::SYLPHEED,
    &evolution::EVOLUTION,
    &kmail::KMAIL,
    &geary::GEARY,
    &balsa::BALSA,
    &explained::NEW_OUTLOOK,
    &explained::WINDOWS_MAIL_APP,
    &mailmate::MAILMATE,
    &explained::SPARK,
    &explained::AIRMAIL,
    &explained::CANARY,
    &explained::MIMESTREAM,
    &explained::EM_CLIENT,
    &explained::MAILBIRD,
    &explained::THE_BAT,
    &explained::FOXMAIL,
    &explained::PEGASUS,
    &explained::BECKY,
    &explained::EUDORA,
];

/// Those that are explained and never written.
pub fn only_explained() -> impl Iterator<Item = &'static dyn MailClient> {
    CLIENTS.iter().copied().filter(|client| !client.is_written())
}
