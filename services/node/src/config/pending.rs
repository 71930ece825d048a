//! Caches of what is uploaded before its registration. Node spec 4.3.

use serde::{Deserialize, Serialize};

/// Bounds of the cache for slivers uploaded before their registration. Node spec 4.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingSliverCacheConfig {
    /// Most slivers.
    pub max_cached_slivers: usize,
    /// Most bytes.
    pub max_cached_bytes: usize,
    /// Of these, bytes that came from one address, metadata included.
    pub max_cached_bytes_per_address: usize,
    /// Largest sliver.
    pub max_cached_sliver_bytes: usize,
    /// Lifetime in seconds; 0 disables the cache.
    pub cache_ttl: u64,
}

impl Default for PendingSliverCacheConfig {
    fn default() -> Self {
        Self {
            max_cached_slivers: 20480,
            max_cached_bytes: 64 << 20,
            max_cached_bytes_per_address: 32 << 20,
            max_cached_sliver_bytes: 4 << 20,
            cache_ttl: 60,
        }
    }
}

/// Bounds of the cache for metadata uploaded before its registration. Node spec 4.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingMetadataCacheConfig {
    /// Most entries.
    pub max_cached_entries: usize,
    /// Lifetime in seconds; 0 disables the cache.
    pub cache_ttl: u64,
}

impl Default for PendingMetadataCacheConfig {
    fn default() -> Self {
        Self {
            max_cached_entries: 1024,
            cache_ttl: 60,
        }
    }
}
