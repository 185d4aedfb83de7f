//! Rows in which somebody else answers on port 25: in the host's place, or with something taken out.

use super::*;

#[test]
fn row_11_intercepted() {
    let mut proxy = clear(25, Ehlo { name: "relay.isp.test".into(), ..ehlo(false, &[]) });
    proxy.greeting = Some(reply(220, "relay.isp.test ESMTP outbound proxy"));
    let seen = host(vec![proxy, good(26)], vec![]);
    let mut view = network(None);
    view.second_hosts = vec![greeted("mx.other.test", "relay2.isp.test ESMTP outbound proxy")];
    assert_eq!(code(&plain25(), &seen, &view, None), row("11").verdict());
    // Where nobody else gets through on 25, the one who answers there is not the host either.
    assert_eq!(code(&plain25(), &seen, &network(Some(Connect::Silent)), None), row("11").verdict());
}

#[test]
fn row_12_starttls_stripped() {
    let seen = host(vec![clear(25, ehlo(false, &[])), good(26)], vec![]);
    let bare = NetworkView { strangers: vec![elsewhere(false)], ..network(Some(Connect::Open)) };
    assert_eq!(code(&plain25(), &seen, &bare, None), row("12").verdict());
    let mut starred = clear(25, Ehlo { name: "x".into(), keywords: vec!["XXXXXXXA".into()], ..Ehlo::default() });
    starred.greeting = Some(reply(220, "********************"));
    let seen = host(vec![starred, good(587)], vec![]);
    assert_eq!(code(&plain25(), &seen, &network(None), None), row("12").verdict());
}

#[test]
fn row_11_a_proxy_greets_alike_for_everybody() {
    let mut proxied = good(25);
    (proxied.starttls, proxied.tls, proxied.ehlo_tls) = (None, None, None);
    let seen = host(vec![proxied, good(26)], vec![]);
    let mut view = network(None);
    view.second_hosts = vec![greeted("mx.other.test", "mail.hosting.test ESMTP")];
    assert_eq!(code(&plain25(), &seen, &view, None), row("11").verdict());
    view.second_hosts = vec![greeted("mx.other.test", "mx.other.test ESMTP")];
    assert_ne!(code(&plain25(), &seen, &view, None), VerdictCode::Intercepted);
}

#[test]
fn row_11_a_certificate_of_somebody_else() {
    let mut proxied = good(25);
    let other = TlsFinding { key_sha256: Some("cd".into()), ..verified(Some(TlsTrouble::Untrusted)) };
    (proxied.tls, proxied.ehlo_tls) = (Some(other), None);
    let seen = host(vec![proxied.clone(), good(26)], vec![]);
    let login25 = account(25, TlsMode::Starttls, AuthSetting::Password);
    let shut_out = network(Some(Connect::Silent));
    // Under the host's own name it may be the host's own carelessness.
    assert_eq!(code(&login25, &seen, &shut_out, None), VerdictCode::CertUntrusted);
    proxied.ehlo.as_mut().unwrap().name = "relay.isp.test".into();
    proxied.greeting = Some(reply(220, "relay.isp.test ESMTP"));
    let seen = host(vec![proxied, good(26)], vec![]);
    assert_eq!(code(&login25, &seen, &shut_out, None), row("11-tls").verdict());
    // The host's own gateway, while others answer on 25 as themselves.
    let mut view = network(None);
    view.second_hosts = vec![greeted("mx.other.test", "mx.other.test ESMTP")];
    assert_eq!(code(&login25, &seen, &view, None), VerdictCode::CertUntrusted);
}

#[test]
fn row_1b_a_network_that_picks_up_and_says_nothing() {
    let seen = host(vec![ended(25, Phase::Greeting, End::TimedOut), good(26)], vec![]);
    let mut view = network(Some(Connect::Open));
    assert_eq!(code(&plain25(), &seen, &view, None), row("1b").verdict());
    view.second_hosts = vec![greeted("mx.other.test", "mx.other.test ESMTP")];
    assert_eq!(code(&plain25(), &seen, &view, None), VerdictCode::SlowServer);
}
