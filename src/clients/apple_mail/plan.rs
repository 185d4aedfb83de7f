//! What the settings of one of Mail's outgoing servers mean, and the changes that make them mean something else.

use super::fields::{flag_of, refused};
use crate::account::{Account, AuthSetting, ClientId, CredentialSource, SubmissionServer, TlsMode};
use crate::change::{Change, Content};
use crate::clients::PlanError;
use crate::formats::FormatError;
use crate::formats::plist_doc::Scalar;

/// How a receiving account names the server it sends through.
pub(super) fn identifier(host: &str, user: Option<&str>) -> String {
    user.map_or_else(|| host.to_owned(), |user| format!("{host}:{user}"))
}

/// TLS of a server. `SecurityLayerType` is 1 none, 2 STARTTLS, 3 from the first byte; older versions have only the
/// switch, and then the port decides.
pub(super) fn tls_mode(ssl: Option<bool>, layer: Option<i128>, port: u16) -> TlsMode {
    match (ssl, layer) {
        (Some(false), _) | (None, None | Some(0 | 1)) => TlsMode::None,
        (_, Some(2)) => TlsMode::Starttls,
        (_, Some(3)) => TlsMode::Implicit,
        _ if port == 465 => TlsMode::Implicit,
        _ => TlsMode::Starttls,
    }
}

/// The login that `AuthenticationScheme` means.
pub(super) fn auth_of(name: &str, scheme: Option<&str>) -> Result<AuthSetting, FormatError> {
    match scheme.unwrap_or_default().to_ascii_uppercase().as_str() {
        "" | "PLAIN" | "LOGIN" | "PASSWORD" => Ok(AuthSetting::Password),
        "CRAM-MD5" | "DIGEST-MD5" | "MD5" | "APOP" => Ok(AuthSetting::Encrypted),
        "GSSAPI" | "KERBEROS_V4" | "KERBEROS_V5" => Ok(AuthSetting::Kerberos),
        "NTLM" => Ok(AuthSetting::Ntlm),
        "EXTERNAL" => Ok(AuthSetting::External),
        "XOAUTH2" | "OAUTHBEARER" | "ATOKEN" | "ATOKEN2" | "X-APPLE-TOKEN" => Ok(AuthSetting::Oauth2),
        _ => Err(refused(name, "this kind of login is not known")),
    }
}

/// The changes that make the account's outgoing server `to`.
pub(super) fn changes(account: &Account, to: &SubmissionServer) -> Result<Vec<Change>, PlanError> {
    let now = &account.outgoing;
    if to == now {
        return Ok(Vec::new());
    }
    let mut plan = Plan { account, changes: Vec::new() };
    plan.port(to)?;
    plan.tls(to)?;
    plan.login(to)?;
    plan.names(to)?;
    if !plan.changes.is_empty() && plan.flag("automatic")? != Some(false) {
        // Otherwise Mail tries other ports by itself and writes what it finds.
        plan.switch("automatic", false)?;
    }
    Ok(plan.changes)
}

struct Plan<'a> {
    account: &'a Account,
    changes: Vec<Change>,
}

impl Plan<'_> {
    fn port(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let now = &self.account.outgoing;
        if to.port == now.port && (to.port_is_default || !now.port_is_default) {
            return Ok(());
        }
        let wanted = match self.scalar("port")? {
            Some(Scalar::Integer(_)) => Scalar::Integer(i128::from(to.port)),
            _ => Scalar::String(to.port.to_string()),
        };
        self.write("port", &wanted)?;
        if self.flag("default_ports")? != Some(false) {
            self.switch("default_ports", false)?;
        }
        Ok(())
    }

    fn tls(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let (ssl, layer) = (self.flag("ssl")?, self.number("layer")?);
        if tls_mode(ssl, layer, to.port) == to.tls {
            return Ok(());
        }
        let wanted = to.tls != TlsMode::None;
        // The switch and the layer may disagree; the layer is brought in line wherever it is written.
        let wanted_layer = layer.map(|_| match to.tls {
            TlsMode::None => 1,
            TlsMode::Starttls => 2,
            TlsMode::Implicit => 3,
        });
        if tls_mode(Some(wanted), wanted_layer, to.port) != to.tls {
            let why = "this version uses TLS from the first byte on port 465 and STARTTLS on every other port";
            return Err(cannot(why));
        }
        if ssl != Some(wanted) {
            self.switch("ssl", wanted)?;
        }
        match wanted_layer {
            Some(number) if layer != Some(number) => {
                let as_text = matches!(self.scalar("layer")?, Some(Scalar::String(_)));
                let value = if as_text { Scalar::String(number.to_string()) } else { Scalar::Integer(number) };
                self.write("layer", &value)
            }
            _ => Ok(()),
        }
    }

    fn login(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let now = &self.account.outgoing;
        if to.auth == now.auth {
            return Ok(());
        }
        let scheme = match to.auth {
            AuthSetting::None => return self.switch("auth", false),
            AuthSetting::Password => "",
            AuthSetting::Encrypted => "CRAM-MD5",
            AuthSetting::Kerberos => "GSSAPI",
            AuthSetting::Ntlm => "NTLM",
            AuthSetting::Oauth2 | AuthSetting::External => {
                return Err(cannot("this kind of login is set up in Mail itself"));
            }
        };
        if self.flag("auth")? != Some(true) {
            self.switch("auth", true)?;
        }
        let written = match self.scalar("scheme")? {
            Some(Scalar::String(text)) => text,
            _ => String::new(),
        };
        if auth_of("AuthenticationScheme", Some(&written)).ok() != Some(to.auth) {
            self.write("scheme", &Scalar::String(scheme.to_owned()))?;
        }
        Ok(())
    }

    /// Host and user name, and with them the name by which receiving accounts find the server.
    fn names(&mut self, to: &SubmissionServer) -> Result<(), PlanError> {
        let now = &self.account.outgoing;
        let user_now = match self.scalar("user")? {
            Some(Scalar::String(user)) if !user.is_empty() => Some(user),
            _ => None,
        };
        let user = if to.auth == AuthSetting::None {
            user_now.clone()
        } else {
            let incoming = self.account.incoming.as_ref().and_then(|incoming| incoming.user.clone());
            let wanted = match to.credential {
                // Mail has no such setting: the outgoing server gets the same user name.
                CredentialSource::SameAsIncoming => to.user.clone().or(incoming),
                _ => to.user.clone().or_else(|| user_now.clone()).or(incoming),
            };
            if wanted.is_none() {
                return Err(cannot("a login needs a user name, and neither server has one"));
            }
            wanted
        };
        let (old, new) = (identifier(&now.host, user_now.as_deref()), identifier(&to.host, user.as_deref()));
        if old == new {
            return Ok(());
        }
        if to.host != now.host {
            self.write("host", &Scalar::String(to.host.clone()))?;
        }
        if let Some(user) = user.filter(|user| Some(user) != user_now.as_ref()) {
            self.write("user", &Scalar::String(user))?;
        }
        let identifiers = IDENTIFIERS.into_iter().filter(|short| self.account.settings.contains_key(short));
        let identifiers: Vec<&str> = identifiers.collect();
        if self.account.used && identifiers.is_empty() {
            return Err(PlanError::Unexpected {
                setting: "SMTPIdentifier".to_owned(),
                why: format!("more than {} accounts send through this server", IDENTIFIERS.len()),
            });
        }
        identifiers.into_iter().try_for_each(|short| self.write(short, &Scalar::String(new.clone())))
    }

    /// Writes yes or no as it is written there, or beside it.
    fn switch(&mut self, short: &str, on: bool) -> Result<(), PlanError> {
        let mut like = self.scalar(short)?;
        if like.is_none() && short == "automatic" {
            like = Some(Scalar::Bool(on));
        }
        for neighbour in ["auth", "ssl", "default_ports"] {
            if like.is_none() {
                like = self.scalar(neighbour)?;
            }
        }
        let value = match like {
            Some(Scalar::Bool(_)) => Scalar::Bool(on),
            Some(Scalar::Integer(_)) => Scalar::Integer(i128::from(on)),
            _ => Scalar::String(if on { "YES" } else { "NO" }.to_owned()),
        };
        self.write(short, &value)
    }

    fn scalar(&self, short: &str) -> Result<Option<Scalar>, PlanError> {
        let unexpected = |why: String| PlanError::Unexpected { setting: short.to_owned(), why };
        let setting = self.account.settings.get(short);
        match &setting.ok_or_else(|| unexpected("discovery did not read it".to_owned()))?.content {
            None => Ok(None),
            Some(Content::Raw(raw)) => {
                Scalar::from_raw(short, raw).map(Some).map_err(|error| unexpected(error.to_string()))
            }
            Some(_) => Err(unexpected("it is not text".to_owned())),
        }
    }

    fn flag(&self, short: &str) -> Result<Option<bool>, PlanError> {
        Ok(self.scalar(short)?.as_ref().and_then(flag_of))
    }

    fn number(&self, short: &str) -> Result<Option<i128>, PlanError> {
        Ok(match self.scalar(short)? {
            Some(Scalar::Integer(n)) => Some(n),
            Some(Scalar::String(text)) => text.trim().parse().ok(),
            _ => None,
        })
    }

    fn write(&mut self, short: &str, value: &Scalar) -> Result<(), PlanError> {
        let unexpected = |why: &str| PlanError::Unexpected { setting: short.to_owned(), why: why.to_owned() };
        let setting = self.account.settings.get(short).ok_or_else(|| unexpected("discovery did not read it"))?;
        let raw = value.to_raw().ok_or_else(|| unexpected("its new value has characters that cannot be written"))?;
        let after = Some(Content::Raw(raw));
        if setting.content != after {
            self.changes.push(Change { slot: setting.slot.clone(), before: setting.content.clone(), after });
        }
        Ok(())
    }
}

fn cannot(why: &str) -> PlanError {
    PlanError::CannotExpress { client: ClientId::AppleMail, why: why.to_owned() }
}

/// Accounts that can share one server and still be moved together; a setting has one of these names.
pub(super) const IDENTIFIERS: [&str; 8] = [
    "identifier_0",
    "identifier_1",
    "identifier_2",
    "identifier_3",
    "identifier_4",
    "identifier_5",
    "identifier_6",
    "identifier_7",
];
