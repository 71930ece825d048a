//! A publisher with an uploader in memory.

use std::{
    collections::HashSet,
    io::Read as _,
    path::Path,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use futures::future::BoxFuture;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::Notify;
use tower::ServiceExt as _;
use walrus_gateway::{
    Services,
    publisher::{
        AfterStore, PublisherOptions, QuiltToStore, TaskId, Unstored, UploadError, UploadOptions,
        UploadTask, Uploaded, Uploader,
    },
};
use walrus_sdk::{
    Address, BlobData, BlobId, BlobObject, BlobStoreResult, EncodingType, PatchColumns,
    PatchToStore, ResourceOperation, StorageResource,
};
use walrus_service::metrics::Registry;

pub(crate) const LIMIT: usize = 1 << 20;

/// The bytes of every quilt.
pub(crate) const QUILT: [u8; 32] = [7; 32];

/// FROST for a store, and for each byte of it.
pub(crate) const PRICE: u64 = 100;

/// Why nothing is stored.
pub(crate) type Refused = fn() -> Unstored;

/// Keeps what it is given.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) stored: Mutex<Vec<(Vec<u8>, UploadOptions)>>,
    pub(crate) quilts: Mutex<Vec<Vec<PatchToStore>>>,
    /// Tasks that were paid for.
    pub(crate) paid: Mutex<HashSet<TaskId>>,
    pub(crate) forgotten: Mutex<HashSet<TaskId>>,
    pub(crate) refused: Mutex<Option<Refused>>,
    /// Why nothing has a price.
    pub(crate) unpriced: Mutex<Option<fn() -> UploadError>>,
    /// Whether stores wait to be told to go on, once they are paid.
    pub(crate) waits: bool,
    pub(crate) begun: Notify,
    pub(crate) go_on: Notify,
}

/// What a body becomes: its blob ID is its first bytes.
pub(crate) fn result(body: &[u8], options: &UploadOptions) -> BlobStoreResult {
    let mut id = [0; 32];
    for (place, byte) in id.iter_mut().zip(body) {
        *place = *byte;
    }
    let size = body.len() as u64;
    BlobStoreResult::NewlyCreated {
        blob_object: BlobObject {
            id: Address::new(id),
            registered_epoch: 1,
            blob_id: BlobId(id),
            size,
            encoding_type: EncodingType::RS2,
            certified_epoch: Some(1),
            storage: StorageResource {
                id: Address::new([2; 32]),
                start_epoch: 1,
                end_epoch: 1 + options.epochs,
                storage_size: 10 * size,
            },
            deletable: !options.permanent,
        },
        resource_operation: ResourceOperation::RegisterFromScratch {
            encoded_length: 10 * size,
            epochs_ahead: options.epochs,
        },
        cost: PRICE + size,
        shared_blob_object: None,
    }
}

impl Memory {
    pub(crate) fn times_paid(&self) -> usize {
        self.paid.lock().unwrap().len()
    }

    fn keep(&self, data: &BlobData, options: UploadOptions) -> Uploaded {
        let mut bytes = Vec::new();
        data.reader().unwrap().read_to_end(&mut bytes).unwrap();
        let result = result(&bytes, &options);
        let BlobStoreResult::NewlyCreated { blob_object, .. } = &result else {
            panic!("that is what it makes");
        };
        let objects = vec![blob_object.clone()];
        let cost = PRICE + bytes.len() as u64;
        self.stored.lock().unwrap().push((bytes, options));
        Uploaded {
            result,
            cost,
            objects,
        }
    }
}

impl Uploader for Memory {
    fn price(&self, bytes: u64, _: &UploadOptions) -> BoxFuture<'_, Result<u64, UploadError>> {
        let unpriced = *self.unpriced.lock().unwrap();
        let price = unpriced.map_or(Ok(PRICE + bytes), |unpriced| Err(unpriced()));
        Box::pin(std::future::ready(price))
    }

    fn store(&self, data: BlobData, task: UploadTask) -> BoxFuture<'_, Result<Uploaded, Unstored>> {
        Box::pin(async move {
            let refused = *self.refused.lock().unwrap();
            if let Some(refused) = refused {
                let refused = refused();
                if refused.paid {
                    self.paid.lock().unwrap().insert(task.id);
                }
                return Err(refused);
            }
            self.paid.lock().unwrap().insert(task.id);
            self.begun.notify_one();
            if self.waits {
                self.go_on.notified().await;
            }
            Ok(self.keep(&data, task.options))
        })
    }

    fn pack(&self, patches: Vec<PatchToStore>) -> BoxFuture<'_, Result<QuiltToStore, UploadError>> {
        let refused = *self.refused.lock().unwrap();
        if let Some(refused) = refused {
            return Box::pin(std::future::ready(Err(refused().error)));
        }
        let named = (1..).zip(&patches).map(|(start, patch)| {
            let end = start + 1;
            (patch.identifier.clone(), PatchColumns { start, end })
        });
        let packed = QuiltToStore {
            data: BlobData::from(&QUILT),
            patches: named.collect(),
        };
        self.quilts.lock().unwrap().push(patches);
        Box::pin(std::future::ready(Ok(packed)))
    }

    fn forget(&self, task: TaskId) {
        self.forgotten.lock().unwrap().insert(task);
    }
}

pub(crate) struct Publisher {
    pub(crate) memory: Arc<Memory>,
    router: Router,
}

/// Status, headers, and JSON if it is any.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn refused(&self) -> (u16, &str) {
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let reason = &self.json["error"]["details"][0]["reason"];
        (self.status.as_u16(), reason.as_str().unwrap())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name).map(|value| value.parse().unwrap())
    }
}

/// Options of a publisher that keeps its state in a directory.
pub(crate) fn in_directory(state: &Path) -> PublisherOptions {
    PublisherOptions {
        max_body_size: LIMIT as u64,
        state: Some(state.to_owned()),
        ..PublisherOptions::default()
    }
}

pub(crate) fn services(memory: &Arc<Memory>, options: PublisherOptions) -> Services {
    Services {
        publisher: Some((memory.clone(), options)),
        ..Services::default()
    }
}

impl Publisher {
    pub(crate) fn new(memory: Memory) -> Self {
        Self::with(memory, |_| {})
    }

    pub(crate) fn with(memory: Memory, change: impl FnOnce(&mut PublisherOptions)) -> Self {
        let memory = Arc::new(memory);
        let mut options = PublisherOptions {
            max_body_size: LIMIT as u64,
            max_quilt_body_size: 2 * LIMIT as u64,
            ..PublisherOptions::default()
        };
        change(&mut options);
        let address = ([127, 0, 0, 1], 31_415).into();
        let router = services(&memory, options).router(address, &Registry::new());
        let router = router.unwrap();
        Self { memory, router }
    }

    pub(crate) async fn put(
        &self,
        query: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let path = format!("/v1/blobs{query}");
        self.ask(Method::PUT, &path, headers, body).await
    }

    pub(crate) async fn put_to(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.ask(Method::PUT, path, headers, body).await
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            headers,
            json: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }
}

pub(crate) const HERE: (&str, &str) = ("host", "127.0.0.1:31415");

/// The object that a body becomes goes nowhere in particular.
pub(crate) fn plain() -> UploadOptions {
    UploadOptions {
        epochs: 1,
        permanent: false,
        force: false,
        reuse_resources: false,
        after: AfterStore::Default,
    }
}

impl Publisher {
    /// An answer that is text.
    pub(crate) async fn text(&self, path: &str) -> String {
        let request = Request::get(path).header(HERE.0, HERE.1);
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}
