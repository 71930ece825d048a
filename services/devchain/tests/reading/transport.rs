//! Transport: gRPC-web, preflight requests, and errors of bounded length.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use prost::Message;
use sui_rpc::proto::sui::rpc::v2 as proto;

use super::fixture::{Chain, address, coin};
use super::serve;

fn chain() -> Chain {
    let mut chain = Chain::new();
    let transaction = chain.transaction(address(1), &[], vec![coin(100, address(1), 5)]);
    chain.checkpoint(vec![transaction]);
    chain
}

/// One HTTP/1.1 request.
async fn send(url: &str, request: Request<Full<Bytes>>) -> (Response<()>, Bytes) {
    let stream = tokio::net::TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(parts, ()), body)
}

fn frame(message: &impl Message) -> Vec<u8> {
    let body = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(body.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&body);
    frame
}

fn post(url: &str, path: &str, content_type: &str, body: Vec<u8>) -> Request<Full<Bytes>> {
    Request::post(path)
        .header(header::HOST, url.strip_prefix("http://").unwrap())
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT, content_type)
        .header(header::ORIGIN, "http://dapp.example")
        .header("x-grpc-web", "1")
        .body(Full::new(body.into()))
        .unwrap()
}

/// Base64 groups that were flushed apart may each end in padding.
fn decode_groups(body: &[u8]) -> Vec<u8> {
    body.chunks(4)
        .flat_map(|group| STANDARD.decode(group).unwrap())
        .collect()
}

#[tokio::test]
async fn grpc_web_text_answers_in_base64_with_a_trailers_frame() {
    let url = serve(chain()).await;
    let request = frame(&proto::GetObjectRequest::new(&address(100)));
    let (response, body) = send(
        &url,
        post(
            &url,
            "/sui.rpc.v2.LedgerService/GetObject",
            "application/grpc-web-text",
            STANDARD.encode(request).into_bytes(),
        ),
    )
    .await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    assert!(
        response.headers()["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("grpc-status")
    );
    let decoded = decode_groups(&body);
    let length = u32::from_be_bytes(decoded[1..5].try_into().unwrap()) as usize;
    let message = proto::GetObjectResponse::decode(&decoded[5..5 + length]).unwrap();
    assert_eq!(
        message.object.unwrap().object_id(),
        address(100).to_string()
    );
    let trailers = &decoded[5 + length..];
    assert_eq!(trailers[0], 0x80);
    let text = std::str::from_utf8(&trailers[5..]).unwrap();
    assert!(text.contains("grpc-status:0"), "{text}");
}

#[tokio::test]
async fn grpc_web_errors_carry_status_and_message() {
    let url = serve(chain()).await;
    let request = frame(&proto::GetObjectRequest::new(&address(4242)));
    let (response, body) = send(
        &url,
        post(
            &url,
            "/sui.rpc.v2.LedgerService/GetObject",
            "application/grpc-web+proto",
            request,
        ),
    )
    .await;
    let in_header = response
        .headers()
        .get("grpc-status")
        .is_some_and(|status| status == "5");
    let in_body = std::str::from_utf8(&body).is_ok_and(|text| text.contains("grpc-status:5"));
    assert!(in_header || in_body, "{response:?} {body:?}");
}

/// An error repeats what was asked for, and travels in headers, which clients refuse beyond 16 KiB.
#[tokio::test]
async fn errors_stay_short_however_long_the_request_is() {
    let url = serve(chain()).await;
    let long = "\u{1f981}".repeat(5_000);
    let coin = proto::GetCoinInfoRequest::default().with_coin_type(long.as_str());
    let name = proto::LookupNameRequest::default().with_name(long.as_str());
    for (path, body, status) in [
        ("StateService/GetCoinInfo", frame(&coin), "3"),
        ("NameService/LookupName", frame(&name), "5"),
    ] {
        let path = format!("/sui.rpc.v2.{path}");
        let request = post(&url, &path, "application/grpc-web+proto", body);
        let (response, _) = send(&url, request).await;
        assert_eq!(response.headers()["grpc-status"], status);
        let size: usize = response
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        assert!(size < 12_000, "{size} bytes of headers");
    }
}

#[tokio::test]
async fn preflight_is_answered() {
    let url = serve(chain()).await;
    let request = Request::options("/sui.rpc.v2.LedgerService/GetObject")
        .header(header::HOST, url.strip_prefix("http://").unwrap())
        .header(header::ORIGIN, "http://dapp.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-grpc-web")
        .header("access-control-request-private-network", "true")
        .body(Full::default())
        .unwrap();
    let (response, _) = send(&url, request).await;
    assert!(response.status().is_success());
    let allowed = response.headers()["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(allowed.contains("x-grpc-web"));
    assert_eq!(
        response.headers()["access-control-allow-private-network"],
        "true"
    );
}
