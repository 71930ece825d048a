//! The naive encoder, written along the specification without any of the library's machinery: one codeword
//! after the other, one hash after the other, everything in memory. What the library is compared with.

use reed_solomon_simd::ReedSolomonEncoder;

pub(crate) type Digest = [u8; 32];

/// A blob's slivers in index order and its hashes.
pub(crate) struct Encoded {
    pub(crate) primary: Vec<Vec<u8>>,
    pub(crate) secondary: Vec<Vec<u8>>,
    pub(crate) primary_hashes: Vec<Digest>,
    pub(crate) secondary_hashes: Vec<Digest>,
    pub(crate) blob_id: Digest,
}

fn hash(parts: &[&[u8]]) -> Digest {
    let mut state = blake2b_simd::Params::new().hash_length(32).to_state();
    for part in parts {
        state.update(part);
    }
    state.finalize().as_bytes().try_into().unwrap()
}

/// Encoding spec 3.1.
fn merkle_root(mut level: Vec<Digest>) -> Digest {
    while level.len() > 1 {
        if level.len() % 2 == 1 {
            level.push([0; 32]);
        }
        level = level
            .chunks(2)
            .map(|pair| hash(&[&[1], &pair[0], &pair[1]]))
            .collect();
    }
    level[0]
}

fn recovery(originals: &[Vec<u8>], recoveries: usize) -> Vec<Vec<u8>> {
    let symbol = originals[0].len();
    let mut encoder = ReedSolomonEncoder::new(originals.len(), recoveries, symbol).unwrap();
    for original in originals {
        encoder.add_original_shard(original).unwrap();
    }
    let result = encoder.encode().unwrap();
    result.recovery_iter().map(<[u8]>::to_vec).collect()
}

/// Encodes a blob for `n` shards (encoding spec 1, 2, 3).
pub(crate) fn encode(n: usize, blob: &[u8]) -> Encoded {
    let faulty = (n - 1) / 3;
    let (rows, columns) = (n - 2 * faulty, n - faulty);
    let symbol = blob
        .len()
        .max(1)
        .div_ceil(rows * columns)
        .next_multiple_of(2);
    let mut padded = blob.to_vec();
    padded.resize(rows * columns * symbol, 0);
    let mut matrix: Vec<Vec<Vec<u8>>> = padded
        .chunks(columns * symbol)
        .map(|row| row.chunks(symbol).map(<[u8]>::to_vec).collect())
        .collect();
    for row in &mut matrix {
        let more = recovery(row, n - columns);
        row.extend(more);
    }
    matrix.resize(n, Vec::new());
    for column in 0..n {
        let originals: Vec<_> = matrix[..rows]
            .iter()
            .map(|row| row[column].clone())
            .collect();
        for (row, symbol) in recovery(&originals, n - rows).into_iter().enumerate() {
            matrix[rows + row].push(symbol);
        }
    }
    let leaves: Vec<Vec<Digest>> = matrix
        .iter()
        .map(|row| row.iter().map(|symbol| hash(&[&[0], symbol])).collect())
        .collect();
    let primary_hashes: Vec<_> = leaves.iter().cloned().map(merkle_root).collect();
    let column_leaves = |column: usize| leaves.iter().map(|row| row[column]).collect();
    let secondary_hashes: Vec<_> = (0..n)
        .map(|column| merkle_root(column_leaves(column)))
        .collect();
    let pairs = primary_hashes.iter().zip(secondary_hashes.iter().rev());
    let root = merkle_root(pairs.map(|(p, s)| hash(&[&[0], p, s])).collect());
    Encoded {
        primary: matrix.iter().map(|row| row[..columns].concat()).collect(),
        secondary: (0..n)
            .map(|column| {
                matrix[..rows]
                    .iter()
                    .flat_map(|row| row[column].clone())
                    .collect()
            })
            .collect(),
        primary_hashes,
        secondary_hashes,
        blob_id: hash(&[&[1], &(blob.len() as u64).to_le_bytes(), &root]),
    }
}
