//! TLS roots: whose certificates make a server trusted. Those of the public web, and those in the file that `SSL_CERT_FILE` names,
//! as other programs have it: the authority of a local network, or of a company.

use std::{env, fs::File, io::Read as _, path::Path, time::Duration};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// Names a file of certificates, PEM.
const VARIABLE: &str = "SSL_CERT_FILE";
/// Most bytes of such a file.
const MAX_BYTES: u64 = 4 << 20;

/// A client of a server; the connection is opened by the first call.
///
/// # Errors
/// What is wrong with the URL or with the file.
pub(super) fn client(url: &str) -> Result<sui_rpc::Client, String> {
    let file = env::var_os(VARIABLE).filter(|file| !file.is_empty());
    match file.filter(|_| url.starts_with("https:")) {
        None => sui_rpc::Client::new(url).map_err(|status| status.message().to_owned()),
        Some(file) => client_with(url, &certificates(Path::new(&file))?),
    }
}

fn certificates(file: &Path) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut pem));
    let unusable = |why: String| Err(format!("{VARIABLE} names {}: {why}", file.display()));
    match read {
        Err(error) => unusable(error.to_string()),
        Ok(_) if pem.len() as u64 > MAX_BYTES => {
            unusable(format!("it has more than {MAX_BYTES} bytes"))
        }
        Ok(_) => Ok(pem),
    }
}

/// As [`sui_rpc::Client::new`] sets one up, with more roots.
fn client_with(url: &str, pem: &[u8]) -> Result<sui_rpc::Client, String> {
    const SECOND: Duration = Duration::from_secs(1);
    let tls = ClientTlsConfig::new()
        .with_enabled_roots()
        .ca_certificate(Certificate::from_pem(pem));
    let endpoint = Endpoint::from_shared(url.to_owned()).and_then(|one| one.tls_config(tls));
    let endpoint = endpoint
        .map_err(|error| error.to_string())?
        .connect_timeout(5 * SECOND)
        .tcp_keepalive(Some(15 * SECOND))
        .tcp_keepalive_interval(Some(5 * SECOND))
        .tcp_keepalive_retries(Some(3))
        .http2_keep_alive_interval(5 * SECOND)
        .keep_alive_timeout(20 * SECOND)
        .initial_stream_window_size(2 << 20)
        .initial_connection_window_size(64 << 20);
    Ok(sui_rpc::Client::from_endpoint(&endpoint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_certificates_is_read_or_named_with_what_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("authority.pem");
        let wrong = certificates(&file).unwrap_err();
        let named = format!("SSL_CERT_FILE names {}: ", file.display());
        assert!(wrong.starts_with(&named), "{wrong}");
        std::fs::write(&file, "certificates").unwrap();
        assert_eq!(certificates(&file).unwrap(), b"certificates");
        let large = File::create(&file).unwrap();
        large.set_len(MAX_BYTES + 1).unwrap();
        assert!(certificates(&file).unwrap_err().contains("more than"));
    }
}
