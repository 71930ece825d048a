//! SignatureVerificationService (devchain spec 1.7).

use sui_crypto::SuiVerifier;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::signature_verification_service_server::SignatureVerificationService;
use sui_sdk_types::{PersonalMessage, Transaction, UserSignature};
use tonic::{Request, Response, Status};

use super::error::{conversion, invalid, missing};
use super::parse;

pub(crate) struct SignatureRpc;

#[tonic::async_trait]
impl SignatureVerificationService for SignatureRpc {
    async fn verify_signature(
        &self,
        request: Request<proto::VerifySignatureRequest>,
    ) -> Result<Response<proto::VerifySignatureResponse>, Status> {
        let request = request.into_inner();
        let message = request.message.ok_or_else(|| missing("message"))?;
        let signature = request.signature.ok_or_else(|| missing("signature"))?;
        let signature =
            UserSignature::try_from(&signature).map_err(|error| conversion("signature", error))?;
        let address = request
            .address
            .as_deref()
            .map(|address| parse::address("address", Some(address)))
            .transpose()?;
        let mut reason = None;
        if let Some(address) = address
            && !signature.derive_addresses().any(|found| found == address)
        {
            reason = Some(format!("the signature is not of address {address}"));
        }
        let verifier = sui_crypto::UserSignatureVerifier::new();
        let verdict = match message.name.as_deref() {
            Some("TransactionData") => {
                let transaction: Transaction = message
                    .deserialize()
                    .map_err(|error| invalid("message.value", error))?;
                verifier.verify_transaction(&transaction, &signature)
            }
            Some("PersonalMessage") => {
                let bytes: Vec<u8> = message
                    .deserialize()
                    .map_err(|error| invalid("message.value", error))?;
                verifier.verify_personal_message(&PersonalMessage(bytes.into()), &signature)
            }
            Some(other) => {
                return Err(invalid(
                    "message.name",
                    format!("`{other}` is neither TransactionData nor PersonalMessage"),
                ));
            }
            None => return Err(missing("message.name")),
        };
        let reason = reason.or_else(|| verdict.err().map(|error| error.to_string()));
        let mut response = proto::VerifySignatureResponse::default();
        response.is_valid = Some(reason.is_none());
        response.reason = reason;
        Ok(Response::new(response))
    }
}
