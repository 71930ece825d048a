//! Wallet files in the formats of the Sui tools.

use std::convert::Infallible;

use hyper::{Request, Response, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use walrus_sui::{
    chain::ChainClient,
    wallet::{Environment, Keypair, Keystore, Wallet},
};

const KEY: &str = "suiprivkey1qqqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszasa5uj";
const ADDRESS: &str = "0x29dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684390f";

fn local() -> Environment {
    Environment {
        alias: "localnet".into(),
        rpc: "http://127.0.0.1:9000".into(),
        ws: None,
        basic_auth: None,
    }
}

#[test]
fn the_key_of_the_specification_has_its_address_and_text() {
    let key = Keypair::parse(KEY).unwrap();
    assert_eq!(key.address().to_string(), ADDRESS);
    assert_eq!(key.to_suiprivkey().unwrap(), KEY);
    assert_eq!(Keypair::from_ed25519([1; 32]).address(), key.address());
    assert_eq!(
        Keypair::parse(&key.to_base64()).unwrap().address(),
        key.address()
    );
}

#[test]
fn keys_of_all_three_schemes_are_read_and_bad_ones_refused() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = |flag: u8, key: [u8; 32]| STANDARD.encode([&[flag], key.as_slice()].concat());
    let addresses: std::collections::BTreeSet<_> = (0..3)
        .map(|flag| Keypair::parse(&text(flag, [1; 32])).unwrap().address())
        .collect();
    assert_eq!(addresses.len(), 3);
    for flag in [1, 2] {
        assert!(Keypair::parse(&text(flag, [0; 32])).is_err());
        assert!(Keypair::parse(&text(flag, [0xff; 32])).is_err());
    }
    assert!(Keypair::parse(&text(3, [1; 32])).is_err());
    assert!(Keypair::parse("").is_err());
    assert!(Keypair::parse(&KEY.replace("uj", "uk")).is_err());
}

#[test]
fn a_keystore_error_does_not_show_the_contents() {
    let error = Keystore::parse("[\"secret-but-not-base64!\"").unwrap_err();
    assert!(!error.to_string().contains("secret"));
}

#[test]
fn what_is_wrong_in_a_wallet_is_named_with_its_place_and_without_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    let load = |text: &str| {
        std::fs::write(&path, text).unwrap();
        Wallet::load(&path, None, None).unwrap_err().to_string()
    };
    let wrong = load("keystore: {File: k}\nenvs:\n- alias: a\n  rpc: [1]\n");
    assert!(
        wrong.contains("envs[0].rpc: ") && wrong.ends_with("at line 4 column 8"),
        "{wrong}"
    );
    let wrong = load("keystore: !File {a: 1}\n");
    assert!(
        wrong.contains("keystore.File: ") && wrong.contains(" at line 1 "),
        "{wrong}"
    );
    for secret in [
        format!("keystore: {KEY}\n"),
        format!("keystore: {{File: k}}\nenvs: {KEY}\n"),
        format!("keystore: {{File: k}}\nenvs: [{KEY}]\n"),
        format!("keystore: {{File: k}}\nactive_address: {KEY}\n"),
        "keystore: {File: k}\nenvs:\n- {alias: a, rpc: r, basic_auth: 777333}\n".to_owned(),
    ] {
        let wrong = load(&secret);
        assert!(wrong.contains(" at line "), "{wrong}");
        assert!(
            !wrong.contains("suipriv") && !wrong.contains("777333"),
            "{wrong}"
        );
    }
    let deep = load(&"[".repeat(200_000));
    assert!(deep.contains("200000 brackets"), "{deep}");

    let keystore = format!(
        "[\n  \"{}\",\n  5678]",
        Keypair::parse(KEY).unwrap().to_base64()
    );
    let wrong = Keystore::parse(&keystore).unwrap_err().to_string();
    assert!(
        wrong.contains("line 3, column 6") && !wrong.contains("5678"),
        "{wrong}"
    );
    let wrong = Keystore::parse("[\"AAAA\"]").unwrap_err().to_string();
    assert!(wrong.contains("entry 0 of the keystore"), "{wrong}");
    assert!(Keystore::parse("\u{feff}[]").is_ok());
}

#[test]
fn credentials_are_not_in_the_debug_form_of_a_wallet() {
    let directory = tempfile::tempdir().unwrap();
    let environment = Environment {
        basic_auth: Some("user:pass-word".into()),
        ..local()
    };
    let wallet = Wallet::create(
        &directory.path().join("client.yaml"),
        environment.clone(),
        Keypair::parse(KEY).unwrap(),
    )
    .unwrap();
    for shown in [format!("{environment:?}"), format!("{wallet:?}")] {
        assert!(
            shown.contains("localnet") && shown.contains("hidden"),
            "{shown}"
        );
        assert!(!shown.contains("pass-word"), "{shown}");
    }
}

#[test]
fn a_created_wallet_is_private_loads_again_and_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client.yaml");
    Wallet::create(&path, local(), Keypair::parse(KEY).unwrap()).unwrap();
    #[cfg(unix)]
    for name in ["client.yaml", "sui.keystore"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = directory
            .path()
            .join(name)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let wallet = Wallet::load(&path, None, None).unwrap();
    assert_eq!(wallet.active_address().to_string(), ADDRESS);
    assert_eq!(wallet.active_environment(), Some(&local()));
    let before = std::fs::read(&path).unwrap();
    assert!(Wallet::create(&path, local(), Keypair::generate()).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2);
    assert!(Wallet::load(&path, Some("mainnet"), None).is_err());
    assert!(Wallet::load(&path, None, Some(Keypair::generate().address())).is_err());
}

#[test]
fn a_file_that_is_missing_is_told_with_what_it_is_for() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("absent.yaml");
    let said = Wallet::load(&absent, None, None).unwrap_err().to_string();
    assert!(said.starts_with("cannot read the wallet /"), "{said}");
    let path = dir.path().join("client.yaml");
    let key = Keypair::parse(KEY).unwrap();
    Wallet::create(&path, local(), key).unwrap();
    std::fs::remove_file(dir.path().join("sui.keystore")).unwrap();
    let said = Wallet::load(&path, None, None).unwrap_err().to_string();
    assert!(said.starts_with("cannot read the keystore /"), "{said}");
}

#[test]
fn a_wallet_of_the_sui_tools_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let keystore = directory.path().join("sui.keystore");
    Keystore::new([Keypair::parse(KEY).unwrap()])
        .create(&keystore)
        .unwrap();
    for notation in [
        "keystore:\n  File: sui.keystore",
        "keystore: !File sui.keystore",
    ] {
        let path = directory.path().join("wallet.yaml");
        let text = format!(
            "---\n{notation}\nexternal_keys: ~\nenvs:\n  - alias: testnet\n    \
             rpc: \"https://fullnode.testnet.sui.io:443\"\n    ws: ~\n    basic_auth: ~\n    \
             chain_id: abc\nactive_env: testnet\nactive_address: \"{ADDRESS}\"\n"
        );
        std::fs::write(&path, text).unwrap();
        let wallet = Wallet::load(&path, None, None).unwrap();
        assert_eq!(wallet.active_key().unwrap().address().to_string(), ADDRESS);
    }
}

#[test]
fn a_keystore_may_be_in_the_home_directory() {
    let home = std::env::home_dir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wallet.yaml");
    let name = format!("no-such-{}.keystore", std::process::id());
    std::fs::write(&path, format!("keystore:\n  File: ~/{name}\n")).unwrap();
    let error = Wallet::load(&path, None, None).unwrap_err().to_string();
    let place = home.join(&name).display().to_string();
    assert!(error.contains(&format!(" {place}: ")), "{error}");
}

#[tokio::test]
async fn credentials_of_an_environment_are_in_the_calls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = service_fn(move |request: Request<Incoming>| {
            let _ = sender.send(request.headers().get("authorization").cloned());
            async { Ok::<_, Infallible>(Response::new(String::new())) }
        });
        let http = http2::Builder::new(TokioExecutor::new());
        http.serve_connection(TokioIo::new(stream), service).await
    });
    // The answer is no answer of a chain; what counts is what was asked.
    let call =
        tokio::spawn(async move { ChainClient::connect_with(&url, Some("me:secret")).await });
    let credentials = seen.recv().await.unwrap().unwrap();
    assert_eq!(credentials, "Basic bWU6c2VjcmV0");
    call.abort();
    server.abort();
}
