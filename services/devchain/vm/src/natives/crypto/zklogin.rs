//! `0x2::zklogin_verified_id` and `zklogin_verified_issuer`: whether an address is the one of a zkLogin account. No proof is
//! checked, the address is computed anew.

use ark_bn254::Fr;
use ark_ff::{BigInteger, PrimeField};
use ethnum::U256;
use sui_sdk_types::Address;

use super::poseidon;
use crate::{
    host::State,
    natives::{NativeError, NativeFunction, NativeResult, arguments, work},
    types::Type,
    value::Value,
};

const INVALID_INPUT: u64 = 0;

/// Flag of zkLogin in front of what an address is the hash of.
const FLAG: u8 = 5;
/// Characters of the name of a claim, its value, and the audience.
const MAX_NAME: usize = 32;
const MAX_VALUE: usize = 115;
const MAX_AUDIENCE: usize = 145;
/// Characters that one field element takes.
const PACKED: usize = 31;

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    Some(match name {
        "check_zklogin_id_internal" => check_id,
        "check_zklogin_issuer_internal" => check_issuer,
        _ => return None,
    })
}

fn invalid() -> NativeError {
    NativeError::Abort(INVALID_INPUT)
}

fn text(args: &mut Vec<Value>) -> NativeResult<Option<String>> {
    Ok(String::from_utf8(arguments::bytes(args)?).ok())
}

fn check_id(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let pin_hash = arguments::u256(args)?;
    let (audience, issuer, value, name) = (text(args)?, text(args)?, text(args)?, text(args)?);
    let address = arguments::address(args)?;
    state.gas.native(200)?;
    state.gas.work(work::proof::ZKLOGIN_ID)?;
    let (Some(audience), Some(issuer), Some(value), Some(name)) = (audience, issuer, value, name)
    else {
        return Err(invalid());
    };
    let seed = address_seed(&name, &value, &audience, pin_hash).ok_or_else(invalid)?;
    Ok(vec![Value::Bool(address_of(seed, &issuer) == address)])
}

fn check_issuer(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let issuer = text(args)?;
    let seed = element(arguments::u256(args)?);
    let address = arguments::address(args)?;
    state.gas.native(200)?;
    let issuer = issuer.ok_or_else(invalid)?;
    Ok(vec![Value::Bool(address_of(seed, &issuer) == address)])
}

/// The field element of a number, reduced.
fn element(number: U256) -> Fr {
    Fr::from_be_bytes_mod_order(&number.to_be_bytes())
}

/// The seed of an address; `None` if a text is too long or has characters above U+00FF.
fn address_seed(name: &str, value: &str, audience: &str, pin_hash: U256) -> Option<Fr> {
    poseidon::hash(&[
        hash_text(name, MAX_NAME)?,
        hash_text(value, MAX_VALUE)?,
        hash_text(audience, MAX_AUDIENCE)?,
        element(pin_hash),
    ])
}

/// Hashes a text of at most `longest` characters: padded with zeros, cut from the end into elements.
fn hash_text(text: &str, longest: usize) -> Option<Fr> {
    let characters = text.chars().map(|character| u8::try_from(character).ok());
    let mut characters = characters.take(longest + 1).collect::<Option<Vec<u8>>>()?;
    if characters.len() > longest {
        return None;
    }
    characters.resize(longest, 0);
    let mut elements: Vec<Fr> = characters
        .rchunks(PACKED)
        .map(Fr::from_be_bytes_mod_order)
        .collect();
    elements.reverse();
    poseidon::hash(&elements)
}

/// The address of a zkLogin account. The length of the issuer counts modulo 256, as the public network takes it.
fn address_of(seed: Fr, issuer: &str) -> Address {
    let mut hash = blake2b_simd::Params::new().hash_length(32).to_state();
    let [length, ..] = issuer.len().to_le_bytes();
    hash.update(&[FLAG, length])
        .update(issuer.as_bytes())
        .update(&seed.into_bigint().to_bytes_be());
    let mut address = [0; 32];
    address.copy_from_slice(hash.finalize().as_bytes());
    Address::new(address)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn texts_hash_as_in_the_circuit() {
        let expected = |text: &str| Fr::from_str(text).unwrap();
        assert_eq!(
            hash_text("test@gmail.com", 30).unwrap(),
            expected(
                "13606676331558803166736332982602687405662978305929711411606106012181987145625"
            )
        );
        assert_eq!(
            hash_text("test@gmail.com", 32).unwrap(),
            expected(
                "10404231015713323946367565043703223078961469658905861259850380980432751872181"
            )
        );
        assert_eq!(
            hash_text("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6IjEifQ", 248).unwrap(),
            expected(
                "10859137172532636243875876865378218840892896099608302223608404291948352005840"
            )
        );
        assert!(hash_text("é", 1).is_some());
        assert_eq!(hash_text("€", 30), None);
        assert!(hash_text("abc", 3).is_some());
        assert_eq!(hash_text("abcd", 3), None);
    }

    #[test]
    fn a_seed_and_an_address_agree_with_published_ones() {
        let pin_hash =
            "15232766888716517538274372547598053531354666056102343895255590477425668733026";
        let audience = "575519204237-msop9ep45u2uo98hapqmngv8d84qdc8k.apps.googleusercontent.com";
        let pin_hash = U256::from_str(pin_hash).unwrap();
        let seed = address_seed("sub", "106294049240999307923", audience, pin_hash).unwrap();
        let expected =
            "3006596378422062745101035755700472756930796952630484939867684134047976874601";
        assert_eq!(seed, Fr::from_str(expected).unwrap());
        assert_eq!(
            address_of(seed, "https://accounts.google.com").to_string(),
            "0x1c6b623a2f2c91333df730c98d220f11484953b391a3818680f922c264cc0c6b"
        );
    }

    #[test]
    fn a_salt_leads_to_the_published_seed() {
        let salt = Fr::from_str("248191903847969014646285995941615069143").unwrap();
        let pin_hash = poseidon::hash(&[salt]).unwrap();
        let pin_hash =
            U256::from_be_bytes(pin_hash.into_bigint().to_bytes_be().try_into().unwrap());
        let seed = address_seed(
            "sub",
            "904448692",
            "rs1bh065i9ya4ydvifixl4kss0uhpt",
            pin_hash,
        )
        .unwrap();
        let expected =
            "16657007263003735230240998439420301694514420923267872433517882233836276100450";
        assert_eq!(seed, Fr::from_str(expected).unwrap());
    }
}
