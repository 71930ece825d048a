//! A store in memory, and requests to an aggregator that reads from it.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use walrus_core::{
    EncodingConfig,
    encoder::{BlobEncoder, EncodedBlob},
    proof::RangeProver,
};
use walrus_gateway::{
    BlocklistFile, Services,
    aggregator::AggregatorOptions,
    store::{ByteStream, ObjectOfBlob, PatchStream, Store, StoreError, StoredBlob, StoredPatch},
};
use walrus_sdk::{Address, BlobId, BodyProof, QuiltPatch, QuiltPatchId};
use walrus_service::{metrics::Registry, server::Caller};

/// Bytes that are handed out at once.
const PART: usize = 100;

/// A blob in memory.
#[derive(Clone)]
pub(crate) struct Memory {
    blob_id: BlobId,
    content: Bytes,
    /// Ranges that were read.
    reads: Arc<Mutex<Vec<Range<u64>>>>,
    /// Where reading fails.
    broken_at: Option<u64>,
    /// What it is on a network.
    encoded: Option<Arc<EncodedBlob>>,
    /// What it is made of, unless it is opened raw.
    parts: Vec<BlobId>,
}

/// Shards of what is encoded.
pub(crate) const SHARDS: u16 = 10;

fn encode(content: &[u8]) -> EncodedBlob {
    let config = EncodingConfig::new(SHARDS).unwrap();
    BlobEncoder::new(config, content).unwrap().encode().unwrap()
}

/// The blob ID of what is encoded.
pub(crate) fn encoded_id(content: &[u8]) -> BlobId {
    *encode(content).metadata.blob_id()
}

/// What is said of a blob.
pub(crate) type Refused = fn(BlobId) -> StoreError;

/// Blobs in memory.
#[derive(Default)]
pub(crate) struct Memories {
    blobs: HashMap<BlobId, Memory>,
    objects: HashMap<Address, ObjectOfBlob>,
    quilts: HashMap<BlobId, Vec<(QuiltPatch, Vec<u8>)>>,
    /// Who had a share of the reads.
    pub(crate) callers: Mutex<Vec<Caller>>,
    /// What is said of a blob instead.
    pub(crate) refused: Mutex<HashMap<BlobId, Refused>>,
}

pub(crate) const fn id(number: u8) -> BlobId {
    BlobId([number; 32])
}

/// Bytes that tell where they are.
pub(crate) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|position| (position % 251) as u8).collect()
}

impl Memories {
    pub(crate) fn with(mut self, number: u8, content: Vec<u8>) -> Self {
        let blob_id = id(number);
        let memory = Memory {
            blob_id,
            content: content.into(),
            reads: Arc::default(),
            broken_at: None,
            encoded: None,
            parts: Vec::new(),
        };
        self.blobs.insert(blob_id, memory);
        self
    }

    /// A blob under its own ID, of which there are proofs.
    pub(crate) fn with_encoded(mut self, content: Vec<u8>) -> Self {
        let encoded = Arc::new(encode(&content));
        let blob_id = *encoded.metadata.blob_id();
        let memory = Memory {
            blob_id,
            content: content.into(),
            reads: Arc::default(),
            broken_at: None,
            encoded: Some(encoded),
            parts: Vec::new(),
        };
        self.blobs.insert(blob_id, memory);
        self
    }

    /// The blob is a manifest of these parts.
    pub(crate) fn made_of(mut self, number: u8, parts: &[u8]) -> Self {
        let parts = parts.iter().map(|part| id(*part)).collect();
        self.blobs.get_mut(&id(number)).unwrap().parts = parts;
        self
    }

    pub(crate) fn broken_at(mut self, number: u8, position: u64) -> Self {
        self.blobs.get_mut(&id(number)).unwrap().broken_at = Some(position);
        self
    }

    pub(crate) fn with_object(
        mut self,
        object: u8,
        number: u8,
        attributes: &[(&str, &str)],
    ) -> Self {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let object_of_blob = ObjectOfBlob {
            blob_id: id(number),
            attributes: attributes.iter().map(own).collect(),
        };
        let object = Address::new([object; 32]);
        self.objects.insert(object, object_of_blob);
        self
    }

    pub(crate) fn with_quilt(mut self, number: u8, patches: Vec<(QuiltPatch, Vec<u8>)>) -> Self {
        self.quilts.insert(id(number), patches);
        self
    }

    pub(crate) fn reads(&self, number: u8) -> Vec<Range<u64>> {
        self.blobs[&id(number)].reads.lock().unwrap().clone()
    }
}

impl Store for Memories {
    fn open(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>> {
        let refused = self.refused.lock().unwrap().get(&blob_id).copied();
        let blob = match (refused, self.blobs.get(&blob_id)) {
            (Some(refused), _) => Err(refused(blob_id)),
            (None, None) => Err(StoreError::NeverStored(blob_id)),
            (None, Some(blob)) => Ok(Arc::new(blob.clone()) as Arc<dyn StoredBlob>),
        };
        Box::pin(std::future::ready(blob))
    }

    fn open_raw(&self, blob_id: BlobId) -> BoxFuture<'_, Result<Arc<dyn StoredBlob>, StoreError>> {
        let blob = self.blobs.get(&blob_id).map(|blob| Memory {
            content: Bytes::from_static(b"manifest"),
            parts: Vec::new(),
            ..blob.clone()
        });
        let blob = blob.ok_or(StoreError::NeverStored(blob_id));
        let blob = blob.map(|blob| Arc::new(blob) as Arc<dyn StoredBlob>);
        Box::pin(std::future::ready(blob))
    }

    fn quilt(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<Arc<[QuiltPatch]>, StoreError>> {
        let patches = self
            .quilts
            .get(&quilt_id)
            .ok_or(StoreError::NeverStored(quilt_id));
        let patches =
            patches.map(|patches| patches.iter().map(|(patch, _)| patch.clone()).collect());
        Box::pin(std::future::ready(patches))
    }

    fn patch(&self, id: QuiltPatchId) -> BoxFuture<'_, Result<StoredPatch, StoreError>> {
        let patches = self.quilts.get(&id.quilt_id).into_iter().flatten();
        let found = patches
            .into_iter()
            .find(|(patch, _)| patch.columns == id.columns);
        let patch = found.map(|(patch, content)| {
            let tags = patch.tags.iter();
            let parts: Vec<_> = content
                .chunks(PART)
                .map(|part| Ok(Bytes::copy_from_slice(part)))
                .collect();
            StoredPatch {
                identifier: patch.identifier.clone(),
                tags: tags
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect(),
                length: content.len() as u64,
                bytes: stream::iter(parts).boxed(),
            }
        });
        let patch = patch.ok_or_else(|| StoreError::NoPatch("there is no such patch".into()));
        Box::pin(std::future::ready(patch))
    }

    fn for_caller(&self, caller: Caller) -> Option<Arc<dyn Store>> {
        self.callers.lock().unwrap().push(caller);
        None
    }

    fn all_patches(&self, quilt_id: BlobId) -> BoxFuture<'_, Result<PatchStream, StoreError>> {
        Box::pin(async move {
            let patches = self.quilt(quilt_id).await?;
            let ids = patches.iter().map(|patch| patch.id(quilt_id));
            let all = futures::future::join_all(ids.map(|id| self.patch(id))).await;
            Ok(stream::iter(all).boxed())
        })
    }

    fn object(&self, object_id: Address) -> BoxFuture<'_, Result<ObjectOfBlob, StoreError>> {
        let object = self.objects.get(&object_id).cloned();
        let object = object.ok_or(StoreError::NoObject(object_id));
        Box::pin(std::future::ready(object))
    }
}

impl StoredBlob for Memory {
    fn blob_id(&self) -> BlobId {
        self.blob_id
    }

    fn size(&self) -> u64 {
        self.content.len() as u64
    }

    fn parts(&self) -> Vec<BlobId> {
        self.parts.clone()
    }

    fn digest(&self) -> Option<[u8; 32]> {
        (!self.parts.is_empty()).then_some([7; 32])
    }

    fn prove(&self, range: Range<u64>) -> Option<BoxFuture<'_, Result<BodyProof, StoreError>>> {
        let encoded = self.encoded.as_ref()?;
        let mut prover = RangeProver::new(&encoded.metadata, range).unwrap();
        for index in prover.slivers() {
            let pair = &encoded.pairs[index.as_usize()];
            prover.add(pair.primary.symbols.data()).unwrap();
        }
        let proof = BodyProof::Blob(prover.finish().unwrap());
        Some(Box::pin(std::future::ready(Ok(proof))))
    }

    fn read(&self, range: Range<u64>) -> ByteStream {
        let this = self.clone();
        stream::try_unfold(range.start, move |start| {
            let this = this.clone();
            let end = range.end;
            async move {
                if start == range.start {
                    this.reads.lock().unwrap().push(start..end);
                }
                if this.broken_at.is_some_and(|broken| start >= broken) {
                    let blob_id = this.blob_id;
                    let source = "the nodes are down".into();
                    return Err(StoreError::Unavailable { blob_id, source });
                }
                let next = (start + PART as u64).min(end);
                let part = this.content.slice(start as usize..next as usize);
                Ok((!part.is_empty()).then_some((part, next)))
            }
        })
        .boxed()
    }

    fn read_strictly(&self) -> BoxFuture<'_, Result<ByteStream, StoreError>> {
        let bytes = match self.broken_at {
            Some(_) => Err(StoreError::Inconsistent(self.blob_id)),
            None => Ok(self.read(0..self.size())),
        };
        Box::pin(std::future::ready(bytes))
    }
}

/// An aggregator.
pub(crate) struct Aggregator {
    pub(crate) store: Arc<Memories>,
    router: Router,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The body, unless it broke off.
    pub(crate) body: Result<Vec<u8>, String>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.body.as_ref().unwrap()
    }

    /// Status and reason of an error.
    pub(crate) fn refused(&self) -> (u16, String) {
        let json: serde_json::Value = serde_json::from_slice(self.bytes()).unwrap();
        assert_eq!(json["error"]["code"], self.status.as_u16());
        let reason = &json["error"]["details"][0]["reason"];
        (self.status.as_u16(), reason.as_str().unwrap().to_owned())
    }
}

impl Aggregator {
    pub(crate) fn new(store: Memories) -> Self {
        Self::with(store, &AggregatorOptions::default())
    }

    pub(crate) fn with(store: Memories, options: &AggregatorOptions) -> Self {
        Self::serving(Arc::new(store), options, None)
    }

    /// Without what is on a list.
    pub(crate) fn without(store: Memories, blocklist: BlocklistFile) -> Self {
        let options = AggregatorOptions::default();
        Self::serving(Arc::new(store), &options, Some(blocklist))
    }

    fn serving(
        store: Arc<Memories>,
        options: &AggregatorOptions,
        blocklist: Option<BlocklistFile>,
    ) -> Self {
        let services = Services {
            aggregator: Some((store.clone(), options.clone())),
            blocklist,
            ..Services::default()
        };
        let address = ([127, 0, 0, 1], 0).into();
        let router = services.router(address, &Registry::new()).unwrap();
        Self { store, router }
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        self.ask_as(None, method, path, headers, body).await
    }

    /// The same from an address.
    pub(crate) async fn ask_as(
        &self,
        caller: Option<Caller>,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(caller) = caller {
            request = request.extension(caller);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await;
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body
                .map(|body| body.to_bytes().to_vec())
                .map_err(|error| error.to_string()),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[]).await
    }

    pub(crate) async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(Method::GET, path, headers, "").await
    }

    pub(crate) async fn head(&self, path: &str) -> Answer {
        self.ask(Method::HEAD, path, &[], "").await
    }
}
