//! Requests to a running node: each is answered, in the form of the protocol, and none of them is an internal error.

use std::{
    cell::RefCell,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use tokio::runtime::Runtime;
use walrus_core::{SliverPairIndex, SliverType};
use walrus_e2e::{Encoded, TestNetwork, small};
use walrus_fuzz::edited;

/// Longer than anything that a node waits for.
const PATIENCE: Duration = Duration::from_secs(30);
const SHARDS: u16 = 13;

/// Request lines, each with a body below it.
fn seeds() -> Vec<Vec<u8>> {
    let encoded = Encoded::new(b"a blob", SHARDS);
    let blob = encoded.id();
    let sliver = encoded.sliver(SliverPairIndex(1), SliverType::Primary);
    let metadata = encoded.blob.metadata.metadata().to_bcs();
    let object = format!("0x{}", "ab".repeat(32));
    let with_body: [(String, &[u8]); 16] = [
        (format!("GET /v1/blobs/{blob}/metadata"), b""),
        (format!("GET /v1/blobs/{blob}/metadata/status"), b""),
        (
            format!("PUT /v1/blobs/{blob}/metadata?pending=true"),
            &metadata,
        ),
        (format!("PUT /v1/blobs/{blob}/metadata"), &metadata),
        (format!("GET /v1/blobs/{blob}/slivers/1/primary"), b""),
        (
            format!("GET /v1/blobs/{blob}/slivers/1/primary/status"),
            b"",
        ),
        (
            format!("PUT /v1/blobs/{blob}/slivers/1/primary?pending=true"),
            &sliver,
        ),
        (format!("PUT /v1/blobs/{blob}/slivers/1/secondary"), &sliver),
        (
            format!("GET /v1/blobs/{blob}/confirmation/permanent?wait_millis=1"),
            b"",
        ),
        (
            format!("GET /v1/blobs/{blob}/confirmation/deletable/{object}"),
            b"",
        ),
        (format!("GET /v1/blobs/{blob}/status"), b""),
        (
            format!(
                "GET /v1/blobs/{blob}/recoverySymbols?target=1&targetType=primary&proofAxis=primary&id=0-1"
            ),
            b"",
        ),
        (
            format!("GET /v1/blobs/{blob}/decodingSymbols?target=1&targetType=primary&id=0-1"),
            b"",
        ),
        (
            format!("POST /v1/blobs/{blob}/inconsistencyProof/primary"),
            &sliver,
        ),
        ("GET /v1/health?detailed=true".to_owned(), b""),
        (format!("OPTIONS /v1/blobs/{blob}/metadata"), b""),
    ];
    with_body
        .into_iter()
        .map(|(line, body)| [line.as_bytes(), b"\n", body].concat())
        .collect()
}

/// A request with these bytes that HTTP can carry: what is no token in the method, and no visible character in the path, is
/// replaced.
fn framed(data: &[u8]) -> Vec<u8> {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let (line, body) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let (method, path) = match line.iter().position(|byte| *byte == b' ') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (&b"GET"[..], line),
    };
    let method: String = method
        .iter()
        .map(|byte| char::from(b'A' + byte % 26))
        .collect();
    // HEAD has no body where others have one, and CONNECT no path; everything else goes.
    let method = match method.as_str() {
        "" | "HEAD" | "CONNECT" => "GET",
        other => other,
    };
    let path = path.iter().map(|byte| match byte {
        b'!'..=b'~' => char::from(*byte),
        _ => '_',
    });
    let path: String = "/"
        .chars()
        .chain(path.skip_while(|at| *at == '/'))
        .collect();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nhost: node\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

struct Answer {
    status: u16,
    body: Vec<u8>,
    is_last: bool,
}

fn read_answer(reader: &mut BufReader<TcpStream>) -> Answer {
    let mut line = String::new();
    reader.read_line(&mut line).expect("an answer");
    let status = line.split(' ').nth(1).and_then(|text| text.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {line:?}"));
    let (mut length, mut is_last) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line).expect("a header");
        let header = line.trim_end().to_ascii_lowercase();
        match header.split_once(": ") {
            Some(("content-length", text)) => length = text.parse().expect("a length"),
            Some(("connection", "close")) => is_last = true,
            Some(("transfer-encoding", _)) => panic!("answers have a length"),
            _ if header.is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    Answer {
        status,
        body,
        is_last,
    }
}

#[test]
fn http_requests() {
    let runtime = Runtime::new().unwrap();
    let network = runtime.block_on(TestNetwork::start(small()));
    let address = runtime
        .block_on(network.member(0))
        .info
        .network_address
        .to_string();
    let connection: RefCell<Option<BufReader<TcpStream>>> = RefCell::new(None);
    let seeds = seeds();
    let target = |bytes: &[u8]| {
        let request = framed(&edited(&seeds, bytes));
        let mut connection = connection.borrow_mut();
        let reader = connection.get_or_insert_with(|| {
            let stream = TcpStream::connect(&address).expect("the node listens");
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            BufReader::new(stream)
        });
        // The node may answer and close before it has read everything.
        let sent = reader.get_mut().write_all(&request);
        let answer = read_answer(reader);
        let shown = String::from_utf8_lossy(&request[..request.len().min(300)]).into_owned();
        assert!(answer.status < 500, "{} to {shown}", answer.status);
        if answer.status >= 400 && !answer.body.is_empty() {
            let error: serde_json::Value = serde_json::from_slice(&answer.body)
                .unwrap_or_else(|error| panic!("no JSON ({error}) to {shown}"));
            assert_eq!(error["error"]["code"], answer.status, "{error} to {shown}");
        }
        if answer.is_last || sent.is_err() {
            *connection = None;
        }
    };
    super::fuzz!(1500, target);
    runtime.block_on(network.stop());
}
