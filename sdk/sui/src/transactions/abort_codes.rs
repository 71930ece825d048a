//! Names of the contract's error constants by `(module, code)` (contracts spec section 6).

/// Name of the constant, if the code is known.
pub(super) fn name(module: &str, code: u64) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(m, c, _)| *m == module && *c == code)
        .map(|(_, _, name)| *name)
}

/// Every error constant of package `walrus` as the public networks have it; three of them no call of ours ends with.
const NAMES: &[(&str, u64, &str)] = &[
    ("init", 0, "EInvalidMigration"),
    ("init", 1, "EInvalidUpgradeCap"),
    ("init", 2, "EDeprecatedFunction"),
    ("init", 3, "EInvalidDeploymentParameter"),
    ("system", 0, "EInvalidMigration"),
    ("system", 1, "EWrongVersion"),
    ("system", 2, "EZeroExtractSize"),
    ("staking", 0, "EInvalidMigration"),
    ("staking", 1, "EWrongVersion"),
    ("staking", 2, "EDeprecatedFunction"),
    ("system_state_inner", 0, "EInvalidMaxEpochsAhead"),
    ("system_state_inner", 1, "EStorageExceeded"),
    ("system_state_inner", 2, "EInvalidEpochsAhead"),
    ("system_state_inner", 3, "EInvalidIdEpoch"),
    ("system_state_inner", 4, "EIncorrectCommittee"),
    ("system_state_inner", 5, "EInvalidAccountingEpoch"),
    ("system_state_inner", 6, "EIncorrectAttestation"),
    ("system_state_inner", 7, "ERepeatedAttestation"),
    ("system_state_inner", 8, "ENotCommitteeMember"),
    ("system_state_inner", 9, "EIncorrectDenyListSequence"),
    ("system_state_inner", 10, "EIncorrectDenyListNode"),
    ("system_state_inner", 11, "EInvalidResourceSize"),
    ("system_state_inner", 12, "EInvalidStartEpoch"),
    ("storage_resource", 0, "EInvalidEpoch"),
    ("storage_resource", 1, "EIncompatibleEpochs"),
    ("storage_resource", 2, "EIncompatibleAmount"),
    ("storage_resource", 3, "EInvalidEpochRange"),
    ("storage_accounting", 0, "ETooFarInFuture"),
    ("blob", 0, "ENotCertified"),
    ("blob", 1, "EBlobNotDeletable"),
    ("blob", 2, "EResourceBounds"),
    ("blob", 3, "EResourceSize"),
    ("blob", 5, "EAlreadyCertified"),
    ("blob", 6, "EInvalidBlobId"),
    ("blob", 7, "EDuplicateMetadata"),
    ("blob", 8, "EMissingMetadata"),
    ("blob", 9, "EInvalidBlobPersistenceType"),
    ("blob", 10, "EInvalidBlobObject"),
    ("bls_aggregate", 0, "EInvalidBitmap"),
    ("bls_aggregate", 1, "ESigVerification"),
    ("bls_aggregate", 2, "ENotEnoughStake"),
    ("bls_aggregate", 3, "EIncorrectCommittee"),
    ("messages", 0, "EIncorrectAppId"),
    ("messages", 1, "EIncorrectEpoch"),
    ("messages", 2, "EInvalidMsgType"),
    ("messages", 3, "EIncorrectIntentVersion"),
    ("messages", 4, "EInvalidBlobPersistenceType"),
    ("messages", 5, "ENotDeletable"),
    ("messages", 6, "EInvalidKeyLength"),
    ("encoding", 0, "EInvalidEncodingType"),
    ("event_blob", 0, "EInvalidSequenceNumber"),
    ("storage_pool", 0, "EBlobNotDeletable"),
    ("storage_pool", 1, "EResourceBounds"),
    ("storage_pool", 2, "EAlreadyCertified"),
    ("storage_pool", 3, "EInvalidBlobId"),
    ("storage_pool", 4, "EInvalidBlobPersistenceType"),
    ("storage_pool", 5, "EInvalidBlobObject"),
    ("storage_pool", 6, "EInsufficientCapacity"),
    ("storage_pool", 7, "EPoolNotEmpty"),
    ("storage_pool", 8, "EInvalidBlobSize"),
    ("storage_pool", 9, "EInvalidBlobCount"),
    ("storage_pool", 10, "EWrongVersion"),
    ("storage_pool", 11, "EIncompatibleEndEpoch"),
    ("storage_pool", 12, "EDuplicateMetadata"),
    ("storage_pool", 13, "EMissingMetadata"),
    ("storage_pool", 14, "EInvalidPercent"),
    ("staking_inner", 0, "EWrongEpochState"),
    ("staking_inner", 1, "EInvalidSyncEpoch"),
    ("staking_inner", 2, "EDuplicateSyncDone"),
    ("staking_inner", 3, "ENoStake"),
    ("staking_inner", 4, "ENotInCommittee"),
    ("staking_inner", 5, "ECommitteeSelected"),
    ("staking_inner", 6, "ENextCommitteeIsEmpty"),
    ("staking_inner", 7, "EInvalidNodeWeight"),
    ("staking_inner", 8, "EPoolNotFound"),
    ("staking_inner", 9, "EZeroNodeWeight"),
    ("staking_inner", 10, "EIncorrectNodeOrder"),
    ("staking_pool", 0, "EPoolAlreadyUpdated"),
    ("staking_pool", 1, "ECalculationError"),
    ("staking_pool", 2, "EIncorrectEpochAdvance"),
    ("staking_pool", 3, "EPoolNotEmpty"),
    ("staking_pool", 4, "EInvalidProofOfPossession"),
    ("staking_pool", 5, "EPoolAlreadyWithdrawing"),
    ("staking_pool", 6, "EPoolIsNotActive"),
    ("staking_pool", 7, "EZeroStake"),
    ("staking_pool", 8, "ENotStaked"),
    ("staking_pool", 9, "EIncorrectPoolId"),
    ("staking_pool", 10, "ENotWithdrawing"),
    ("staking_pool", 11, "EWithdrawEpochNotReached"),
    ("staking_pool", 12, "EActivationEpochNotReached"),
    ("staking_pool", 13, "EWithdrawDirectly"),
    ("staking_pool", 14, "EIncorrectCommissionRate"),
    ("staking_pool", 15, "EAuthorizationFailure"),
    ("staking_pool", 16, "EInvalidNetworkAddressLength"),
    ("staking_pool", 17, "EInvalidNameLength"),
    ("staking_pool", 18, "EZeroShares"),
    ("staked_wal", 0, "ENotWithdrawing"),
    ("staked_wal", 1, "EMetadataMismatch"),
    ("staked_wal", 2, "EInvalidAmount"),
    ("staked_wal", 6, "EAlreadyWithdrawing"),
    ("staked_wal", 7, "EStakeBelowThreshold"),
    ("storage_node", 0, "EInvalidNetworkPublicKey"),
    ("active_set", 0, "EZeroMaxSize"),
    ("active_set", 1, "EDuplicateInsertion"),
    ("committee", 0, "EInvalidShardAssignment"),
    ("pending_values", 0, "EMissingEpochValue"),
    ("pending_values", 1, "EReduceValueTooLarge"),
    ("pool_exchange_rate", 0, "EInvalidRate"),
    ("apportionment_queue", 0, "EPopFromEmptyHeap"),
    ("upgrade", 0, "EInvalidUpgradeManager"),
    ("upgrade", 1, "ENotAuthorized"),
    ("upgrade", 2, "EDuplicateVote"),
    ("upgrade", 3, "EInvalidPackageDigest"),
    ("upgrade", 4, "ENoProposalForDigest"),
    ("upgrade", 5, "EWrongEpoch"),
    ("upgrade", 6, "ENotEnoughVotes"),
    ("upgrade", 7, "EWrongVersion"),
    ("upgrade", 8, "EMigrationPending"),
    ("upgrade", 9, "ENoMigrationPending"),
    ("signing_keys", 0, "EKeyInUse"),
    ("slashing", 0, "ENotAuthorized"),
    ("slashing", 1, "EDuplicateVote"),
    ("slashing", 2, "ENoProposalForNode"),
    ("slashing", 3, "EWrongEpoch"),
    ("slashing", 4, "ENotEnoughVotes"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_clients_act_on_have_their_names() {
        assert_eq!(name("system", 1), Some("EWrongVersion"));
        assert_eq!(name("staking_inner", 1), Some("EInvalidSyncEpoch"));
        assert_eq!(name("blob", 8), Some("EMissingMetadata"));
        assert_eq!(name("upgrade", 0), Some("EInvalidUpgradeManager"));
        assert_eq!(name("blob", 4), None);
        assert_eq!(name("vec_map", 1), None);
    }

    /// `module walrus::NAME;` and `const NAME: u64 = CODE;` of a source.
    fn constants(source: &str) -> Vec<(String, u64, String)> {
        let module = source
            .lines()
            .find_map(|line| line.strip_prefix("module walrus::"));
        let module = module.unwrap().trim_end_matches(';');
        let constants = source.lines().filter_map(|line| {
            let (name, value) = line.strip_prefix("const E")?.split_once(": u64 = ")?;
            let code = value.split(';').next()?.parse().ok()?;
            Some((module.to_owned(), code, format!("E{name}")))
        });
        constants.collect()
    }

    #[test]
    fn the_contract_has_no_code_without_its_name() {
        let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/../../move/walrus/sources");
        let (mut left, mut count) = (vec![std::path::PathBuf::from(sources)], 0);
        while let Some(path) = left.pop() {
            // What only tests link aborts with nothing that a client could see.
            if path.is_dir() && !path.ends_with("testing") {
                let inside = std::fs::read_dir(&path).unwrap();
                left.extend(inside.map(|entry| entry.unwrap().path()));
            } else if path.is_file() {
                let source = std::fs::read_to_string(&path).unwrap();
                for (module, code, constant) in constants(&source) {
                    assert_eq!(name(&module, code), Some(&*constant), "{module} {code}");
                    count += 1;
                }
            }
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn every_code_of_a_module_is_listed_once() {
        let keys: std::collections::BTreeSet<_> = NAMES.iter().map(|(m, c, _)| (m, c)).collect();
        assert_eq!(keys.len(), NAMES.len());
    }
}
