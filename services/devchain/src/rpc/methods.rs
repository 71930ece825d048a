//! gRPC methods by path, each from the bytes of a request to the bytes of an answer.
//!
//! The servers that come with `sui-rpc` have the compiler build all of tonic's machinery anew for each method. Here it is built once
//! for all, for bytes; what is particular to a method is to decode, to call and to encode.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use futures::StreamExt;
use prost::Message;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::{BoxFuture, BoxStream, Context, Poll, Service};
use tonic::server::Grpc;
use tonic::{Request, Response, Status};
use tower::service_fn;

use super::error::no_method;
use crate::limits::{MAX_REQUEST_BYTES, MAX_RESPONSE_BYTES};

type Stream = BoxStream<Bytes>;
type Answer<T> = BoxFuture<Response<T>, Status>;
type Call<T> = Box<dyn Fn(Request<Bytes>) -> Answer<T> + Send + Sync>;

/// How a method is called.
enum Method {
    Unary(Call<Bytes>),
    Streaming(Call<Stream>),
}

/// The methods of all services.
#[derive(Default)]
pub(super) struct Methods(HashMap<String, Method>);

impl Methods {
    /// Adds a method that answers with one message.
    pub(super) fn unary<In, Out, Answering>(
        &mut self,
        (service, name): (&str, &str),
        call: impl Fn(Request<In>) -> Answering + Send + Sync + 'static,
    ) where
        In: Message + Default + 'static,
        Out: Message + 'static,
        Answering: Future<Output = Result<Response<Out>, Status>> + Send + 'static,
    {
        let method = move |request| -> Answer<Bytes> {
            match decoded(request) {
                Ok(request) => {
                    let answer = call(request);
                    Box::pin(async move { Ok(answer.await?.map(|message| encoded(&message))) })
                }
                Err(status) => Box::pin(ready(Err(status))),
            }
        };
        let method = Method::Unary(Box::new(method));
        self.0.insert(format!("/{service}/{name}"), method);
    }

    /// Adds a method that answers with a stream of messages.
    pub(super) fn streaming<In, Out, Answering>(
        &mut self,
        (service, name): (&str, &str),
        call: impl Fn(Request<In>) -> Answering + Send + Sync + 'static,
    ) where
        In: Message + Default + 'static,
        Out: Message + 'static,
        Answering: Future<Output = Result<Response<BoxStream<Out>>, Status>> + Send + 'static,
    {
        let method = move |request| -> Answer<Stream> {
            match decoded(request) {
                Ok(request) => {
                    let answer = call(request);
                    Box::pin(async move { Ok(answer.await?.map(in_bytes)) })
                }
                Err(status) => Box::pin(ready(Err(status))),
            }
        };
        let method = Method::Streaming(Box::new(method));
        self.0.insert(format!("/{service}/{name}"), method);
    }

    /// The service that has these methods and no others.
    pub(super) fn served(self) -> Served {
        Served(Arc::new(self))
    }

    async fn answer(&self, request: http::Request<Body>) -> http::Response<Body> {
        let mut grpc = Grpc::new(Frames)
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_RESPONSE_BYTES);
        match self.0.get(request.uri().path()) {
            Some(Method::Unary(call)) => grpc.unary(service_fn(call), request).await,
            Some(Method::Streaming(call)) => grpc.server_streaming(service_fn(call), request).await,
            None => no_method(request.uri().path()).into_http(),
        }
    }
}

fn decoded<In: Message + Default>(request: Request<Bytes>) -> Result<Request<In>, Status> {
    let (metadata, extensions, bytes) = request.into_parts();
    let message = In::decode(bytes).map_err(|error| Status::internal(error.to_string()))?;
    Ok(Request::from_parts(metadata, extensions, message))
}

fn encoded(message: &impl Message) -> Bytes {
    message.encode_to_vec().into()
}

fn in_bytes(messages: BoxStream<impl Message + 'static>) -> Stream {
    Box::pin(messages.map(|message| message.map(|message| encoded(&message))))
}

/// All methods as one service; cheap to clone.
#[derive(Clone)]
pub(super) struct Served(Arc<Methods>);

impl Service<axum::extract::Request> for Served {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: axum::extract::Request) -> Self::Future {
        let methods = Arc::clone(&self.0);
        let request = request.map(Body::new);
        Box::pin(async move { Ok(methods.answer(request).await) })
    }
}

/// Codec that leaves messages as they are.
struct Frames;

impl Codec for Frames {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Frames {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.len());
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Frames {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
