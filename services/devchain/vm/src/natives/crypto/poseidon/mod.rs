//! `0x2::poseidon`: the hash Poseidon over the scalar field of BN254, with the parameters of circomlib. Published crates
//! with these parameters stop at twelve inputs; here are sixteen, and the parameters are computed instead of listed.

mod parameters;

use ark_bn254::Fr;
use ark_ff::{BigInteger, Field, PrimeField, Zero};

use crate::{
    error::VmError,
    host::State,
    natives::{NativeError, NativeFunction, NativeResult, arguments, work},
    types::Type,
    value::Value,
};
use parameters::{FULL_ROUNDS, Parameters};

const NON_CANONICAL_INPUT: u64 = 0;
/// Inputs that are hashed at once.
pub(super) const MAX_INPUTS: usize = 16;

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    match name {
        "poseidon_bn254_internal" => Some(poseidon_bn254),
        _ => None,
    }
}

fn poseidon_bn254(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let inputs = byte_vectors(args)?;
    let count = inputs.len() as u64;
    state.gas.native(260 + 388 * count)?;
    let invalid = || NativeError::Abort(NON_CANONICAL_INPUT);
    if inputs.len() > MAX_INPUTS {
        return Err(invalid());
    }
    state.gas.work(work::proof::poseidon(count))?;
    let inputs = inputs.iter().map(|bytes| canonical(bytes));
    let inputs = inputs.collect::<Option<Vec<_>>>().ok_or_else(invalid)?;
    let hash = hash(&inputs).ok_or_else(invalid)?;
    Ok(vec![Value::Bytes(hash.into_bigint().to_bytes_le())])
}

/// A `&vector<vector<u8>>`.
fn byte_vectors(args: &mut Vec<Value>) -> NativeResult<Vec<Vec<u8>>> {
    let wrong = || VmError::invariant("native argument: vector<vector<u8>> expected");
    let vectors = arguments::reference(args)?.look(|value| match value {
        Value::Vector(vectors) => vectors
            .iter()
            .map(|vector| match vector {
                Value::Bytes(bytes) => Ok(bytes.clone()),
                _ => Err(wrong()),
            })
            .collect(),
        _ => Err(wrong()),
    });
    Ok(vectors?)
}

/// A number below the modulus, 32 bytes, least significant first.
fn canonical(bytes: &[u8]) -> Option<Fr> {
    let element = Fr::from_le_bytes_mod_order(bytes);
    (element.into_bigint().to_bytes_le() == bytes).then_some(element)
}

/// The hash of one to [`MAX_INPUTS`] elements.
pub(super) fn hash(inputs: &[Fr]) -> Option<Fr> {
    let parameters = Parameters::of(inputs.len())?;
    let mut state = Vec::with_capacity(inputs.len() + 1);
    state.push(Fr::zero());
    state.extend_from_slice(inputs);
    let last_rounds = parameters.rounds().checked_sub(FULL_ROUNDS / 2)?;
    for (round, constants) in parameters.constants().enumerate() {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element += constant;
        }
        let full = round < FULL_ROUNDS / 2 || round >= last_rounds;
        let substituted = if full { state.len() } else { 1 };
        for element in state.iter_mut().take(substituted) {
            *element *= element.square().square();
        }
        state = parameters
            .matrix()
            .map(|row| {
                row.iter()
                    .zip(&state)
                    .map(|(factor, element)| *factor * element)
                    .sum()
            })
            .collect();
    }
    state.first().copied()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn numbers(range: impl IntoIterator<Item = u64>) -> Vec<Fr> {
        range.into_iter().map(Fr::from).collect()
    }

    fn number(text: &str) -> Fr {
        Fr::from_str(text).unwrap()
    }

    /// Vectors of circomlib and its ports, for one, two, … inputs.
    #[test]
    fn hashes_agree_with_circomlib() {
        let padded = |given: &[u64], length: usize| {
            let mut all = numbers(given.iter().copied());
            all.resize(length, Fr::zero());
            all
        };
        let vectors = [
            (
                numbers(1..=1),
                "18586133768512220936620570745912940619677854269274689475585506675881198879027",
            ),
            (
                numbers(1..=2),
                "7853200120776062878684798364095072458815029376092732009249414926327459813530",
            ),
            (
                padded(&[1, 2], 5),
                "1018317224307729531995786483840663576608797660851238720571059489595066344487",
            ),
            (
                padded(&[1, 2], 6),
                "15336558801450556532856248569924170992202208561737609669134139141992924267169",
            ),
            (
                padded(&[3, 4], 5),
                "5811595552068139067952687508729883632420015185677766880877743348592482390548",
            ),
            (
                padded(&[3, 4], 6),
                "12263118664590987767234828103155242843640892839966517009184493198782366909018",
            ),
            (
                numbers(1..=6),
                "20400040500897583745843009878988256314335038853985262692600694741116813247201",
            ),
            (
                numbers(1..=14),
                "8354478399926161176778659061636406690034081872658507739535256090879947077494",
            ),
            (
                padded(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 14),
                "5540388656744764564518487011617040650780060800286365721923524861648744699539",
            ),
            (
                numbers(1..=15),
                "4203130618016961831408770638653325366880478848856764494148034853759773445968",
            ),
            (
                padded(&[1, 2, 3, 4, 5, 6, 7, 8, 9], 16),
                "11882816200654282475720830292386643970958445617880627439994635298904836126497",
            ),
            (
                numbers(1..=16),
                "9989051620750914585850546081941653841776809718687451684622678807385399211877",
            ),
        ];
        for (inputs, expected) in vectors {
            assert_eq!(
                hash(&inputs),
                Some(number(expected)),
                "{} inputs",
                inputs.len()
            );
        }
        assert_eq!(hash(&[]), None);
        assert_eq!(hash(&numbers(0..17)), None);
    }

    #[test]
    fn four_large_numbers_agree_with_circomlib() {
        let inputs = [
            "134696963602902907403122104327765350261",
            "17932473587154777519561053972421347139",
            "10000",
            "50683480294434968413708503290439057629605340925620961559740848568164438166",
        ];
        assert_eq!(
            hash(&inputs.map(number)),
            Some(number(
                "2272550810841985018139126931041192927190568084082399473943239080305281957330"
            ))
        );
    }

    #[test]
    fn only_canonical_numbers_are_taken() {
        let modulus = Fr::MODULUS.to_bytes_le();
        assert_eq!(canonical(&modulus), None);
        assert_eq!(canonical(&[1; 31]), None);
        assert_eq!(canonical(&[1; 33]), None);
        let mut largest = modulus;
        largest[0] -= 1;
        assert_eq!(canonical(&largest), Some(-Fr::from(1)));
    }
}
