//! What must hold for every blob, subset and flipped bit.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select, subsequence},
};
use walrus_core::{
    Axis, BlobId, EncodingConfig, Primary, Secondary, Sliver, SliverData, SliverIndex, SliverPair,
    SliverType, Threads, UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId,
    decoder::{BlobDecoder, ConsistencyCheck, decode_and_check},
    encoder::{BlobEncoder, EncodedBlob},
    recovery::{self, DecodingSymbol, GeneralRecoverySymbol},
};

fn encode(n: u16, blob: &[u8]) -> EncodedBlob {
    let config = EncodingConfig::new(n).unwrap();
    BlobEncoder::new(config, blob).unwrap().encode().unwrap()
}

fn slivers<T: Axis>(pairs: &[SliverPair]) -> Vec<SliverData<T>> {
    let mut slivers: Vec<_> = pairs
        .iter()
        .map(|pair| match T::TYPE {
            SliverType::Primary => (pair.primary.symbols.clone(), pair.primary.index),
            SliverType::Secondary => (pair.secondary.symbols.clone(), pair.secondary.index),
        })
        .map(|(symbols, index)| SliverData::from_symbols(symbols, index))
        .collect();
    slivers.sort_by_key(|sliver| sliver.index);
    slivers
}

fn shards() -> impl Strategy<Value = u16> {
    select(vec![4u16, 5, 6, 7, 9, 10, 13, 16, 31])
}

/// Lengths from nothing to symbols with several blocks.
fn blobs() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..70), vec(any::<u8>(), 500..6000)]
}

/// A blob, and which slivers of each type are used to read it.
fn blob_and_order() -> impl Strategy<Value = (u16, Vec<u8>, Vec<u16>)> {
    (shards(), blobs()).prop_flat_map(|(n, blob)| {
        let order = Just((0..n).collect::<Vec<_>>()).prop_shuffle();
        (Just(n), Just(blob), order)
    })
}

fn reads_back<T: Axis>(
    encoded: &EncodedBlob,
    order: &[u16],
    blob: &[u8],
) -> Result<(), TestCaseError> {
    let metadata = &encoded.metadata;
    let all = slivers::<T>(&encoded.pairs);
    let needed = usize::from(metadata.config().source_symbols(T::TYPE));
    let chosen = order
        .iter()
        .take(needed)
        .map(|i| all[usize::from(*i)].clone());
    for check in [ConsistencyCheck::Default, ConsistencyCheck::Strict] {
        let read = decode_and_check(metadata, chosen.clone(), check, Threads::ONE);
        prop_assert_eq!(read.unwrap(), blob);
    }
    let too_few = chosen.skip(1);
    prop_assert!(
        decode_and_check(metadata, too_few, ConsistencyCheck::Skip, Threads::ONE).is_err()
    );
    Ok(())
}

fn recovers<T: Axis>(
    encoded: &EncodedBlob,
    order: &[u16],
    target: SliverIndex,
) -> Result<(), TestCaseError> {
    let metadata = &encoded.metadata;
    let needed = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
    let sources = slivers::<T::Orthogonal>(&encoded.pairs);
    let symbols: Vec<DecodingSymbol<T>> = order
        .iter()
        .take(needed)
        .map(|i| {
            let expanded = sources[usize::from(*i)].verify_expanded(metadata).unwrap();
            let general = expanded
                .general_recovery_symbol(&expanded.merkle_tree(), target)
                .unwrap();
            general.verify(metadata, T::TYPE, target).unwrap();
            let parsed = GeneralRecoverySymbol::from_bcs(&general.to_bcs(), metadata).unwrap();
            assert_eq!(parsed, general);
            parsed.into_decoding_symbol()
        })
        .collect();
    let recovered = recovery::recover_sliver(metadata, symbols, target).unwrap();
    prop_assert_eq!(&recovered, &slivers::<T>(&encoded.pairs)[target.as_usize()]);
    Ok(())
}

/// A flipped bit of a sliver's BCS must not survive decoding and verification.
fn sliver_flip_is_caught<T: Axis>(
    sliver: &SliverData<T>,
    metadata: &VerifiedBlobMetadataWithId,
    bit: Index,
) {
    let mut bytes = sliver.to_bcs();
    let bit = bit.index(bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
    if let Ok(changed) = SliverData::<T>::from_bcs(&bytes, metadata) {
        // Slivers of regular blobs may be equal in content, so the index alone need not tell.
        let same_content = changed.symbols == sliver.symbols;
        let same_hash = metadata.sliver_hash(T::TYPE, changed.index)
            == metadata.sliver_hash(T::TYPE, sliver.index);
        assert!(
            changed.verify(metadata).is_err() || (same_content && same_hash),
            "bit {bit}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_legal_subset_decodes((n, blob, order) in blob_and_order()) {
        let encoded = encode(n, &blob);
        reads_back::<Primary>(&encoded, &order, &blob)?;
        reads_back::<Secondary>(&encoded, &order, &blob)?;
    }

    #[test]
    fn any_sliver_recovers_from_any_legal_symbols((n, blob, order) in blob_and_order(), target: Index) {
        let encoded = encode(n, &blob);
        let target = SliverIndex(target.index(n.into()) as u16);
        recovers::<Primary>(&encoded, &order, target)?;
        recovers::<Secondary>(&encoded, &order, target)?;
    }

    #[test]
    fn threads_do_not_change_the_result(n in shards(), blob in blobs(), threads in 1usize..6) {
        let config = EncodingConfig::new(n).unwrap();
        let encoder = BlobEncoder::new(config, &blob).unwrap();
        let threads = Threads::new(threads.try_into().unwrap());
        let parallel = encoder.clone().with_threads(threads);
        prop_assert_eq!(encoder.encode().unwrap(), parallel.encode().unwrap());
        prop_assert_eq!(encoder.compute_metadata().unwrap(), parallel.compute_metadata().unwrap());
    }

    #[test]
    fn a_flipped_bit_of_a_sliver_is_caught(n in shards(), blob in blobs(), pair: Index, bit: Index) {
        let encoded = encode(n, &blob);
        let pair = &encoded.pairs[pair.index(n.into())];
        sliver_flip_is_caught(&pair.primary, &encoded.metadata, bit);
        sliver_flip_is_caught(&pair.secondary, &encoded.metadata, bit);
    }

    #[test]
    fn a_flipped_bit_of_metadata_is_caught(n in shards(), blob in blobs(), bit: Index) {
        let encoded = encode(n, &blob);
        let config = *encoded.metadata.config();
        let mut bytes = encoded.metadata.to_bcs();
        let unchanged = UnverifiedBlobMetadataWithId::from_bcs(&bytes, &config).unwrap();
        prop_assert_eq!(unchanged.verify(&config).unwrap(), encoded.metadata);
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let changed = UnverifiedBlobMetadataWithId::from_bcs(&bytes, &config);
        prop_assert!(changed.map_or(true, |metadata| metadata.verify(&config).is_err()), "bit {}", bit);
    }

    #[test]
    fn a_flipped_bit_of_a_recovery_symbol_is_caught(
        n in shards(), blob in vec(any::<u8>(), 200..900), source: Index, target: Index, bit: Index,
    ) {
        let encoded = encode(n, &blob);
        let metadata = &encoded.metadata;
        let target = SliverIndex(target.index(n.into()) as u16);
        let source = &encoded.pairs[source.index(n.into())].secondary;
        let expanded = source.expand(metadata.config()).unwrap();
        let symbol = expanded.general_recovery_symbol(&expanded.merkle_tree(), target).unwrap();
        let mut bytes = symbol.to_bcs();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = GeneralRecoverySymbol::from_bcs(&bytes, metadata) {
            prop_assert!(changed.verify(metadata, SliverType::Primary, target).is_err(), "bit {}", bit);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..600)) {
        let encoded = encode(7, &[1; 100]);
        let metadata = &encoded.metadata;
        let config = metadata.config();
        let _ = UnverifiedBlobMetadataWithId::from_bcs(&bytes, config).map(|found| found.verify(config));
        let _ = Sliver::from_untagged_bcs(&bytes, SliverType::Primary, metadata);
        let _ = GeneralRecoverySymbol::from_bcs(&bytes, metadata);
        let _ = BlobId::try_from(bytes.as_slice());
        if let Ok(sliver) = bcs::from_bytes::<Sliver>(&bytes) {
            prop_assert!(sliver.verify(metadata).is_err());
        }
    }

    #[test]
    fn blob_id_forms_round_trip(bytes: [u8; 32]) {
        let id = BlobId(bytes);
        prop_assert_eq!(id.to_string().len(), 43);
        prop_assert_eq!(id.to_string().parse::<BlobId>().unwrap(), id);
        prop_assert_eq!(BlobId::from_decimal(&id.to_decimal()).unwrap(), id);
        prop_assert_eq!(bcs::to_bytes(&id).unwrap(), bytes);
    }

    #[test]
    fn a_wrong_subset_of_slivers_is_dropped(picked in subsequence((0..7u16).collect::<Vec<_>>(), 0..7)) {
        let encoded = encode(7, &[5; 100]);
        let all = slivers::<Primary>(&encoded.pairs);
        let mut decoder = BlobDecoder::<Primary>::new(*encoded.metadata.config(), 100).unwrap();
        for index in &picked {
            let sliver = all[usize::from(*index)].clone();
            let short = sliver.symbols.data()[8..].to_vec();
            let short = SliverData::new(short, sliver.symbols.symbol_size(), sliver.index).unwrap();
            prop_assert!(!decoder.add(short));
            let needed = !decoder.is_complete();
            prop_assert_eq!(decoder.add(sliver.clone()), needed);
            prop_assert!(!decoder.add(sliver));
        }
        prop_assert_eq!(decoder.is_complete(), picked.len() >= 3);
        prop_assert_eq!(decoder.decode().is_ok(), picked.len() >= 3);
    }
}
