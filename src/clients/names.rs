//! What a mail program is called by the people who use it.

use crate::account::{Account, ClientId};
use crate::codes::code_of;
use crate::sentence::capitalise;

/// The program's name as people know it.
pub fn client_name(account: &Account) -> String {
    client_title(account.client)
}

/// The name of a program as people know it.
pub fn client_title(client: ClientId) -> String {
    match client {
        ClientId::Seamonkey => "SeaMonkey".to_owned(),
        ClientId::OutlookMac => "Outlook for Mac".to_owned(),
        ClientId::NewOutlook => "new Outlook".to_owned(),
        ClientId::WindowsMailApp => "Mail (Windows 10)".to_owned(),
        ClientId::Mailmate => "MailMate".to_owned(),
        ClientId::Kmail => "KMail".to_owned(),
        ClientId::EmClient => "eM Client".to_owned(),
        ClientId::TheBat => "The Bat!".to_owned(),
        ClientId::Pegasus => "Pegasus Mail".to_owned(),
        ClientId::Becky => "Becky! Internet Mail".to_owned(),
        ClientId::Canary => "Canary Mail".to_owned(),
        _ => code_of(&client).split('_').map(capitalise).collect::<Vec<_>>().join(" "),
    }
}
