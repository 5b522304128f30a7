//! Signed statements as in-toto and cosign exchange them: a DSSE envelope (github.com/secure-systems-lab/dsse, 1.0).
//!
//! The signature is a plain Ed25519 one over the payload and its type, so programs that know nothing of OpenSSH check it.
//! It is never mistaken for one of a bundle or a pointer: what those sign begins with other bytes (`SSHSIG`). Who is
//! believed is the same list of trusted keys, for a use of its own.

use base64ct::{Base64, Encoding as _};
use serde::{Deserialize, Serialize};
use signature::{Signer as _, Verifier as _};
use ssh_key::{Algorithm, PrivateKey};

use super::{Distrust, KeyId, Namespace, PublicKey, Trust};
use crate::error::{Error, Kind, Result};
use crate::units::Timestamp;

/// What the signed bytes begin with (DSSE 1.0, protocol.md, "Signature Definition").
const VERSION: &str = "DSSEv1";

/// What a file holds. Fields that a later DSSE adds are passed over.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signed>,
}

#[derive(Serialize, Deserialize)]
struct Signed {
    /// A hint alone: an OpenSSH fingerprint where we signed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
    sig: String,
}

/// An envelope's text, with one signature.
pub(super) fn seal(key: &PrivateKey, keyid: String, kind: &str, payload: &[u8]) -> Result<String> {
    let cannot = |e| Error::new(Kind::Tool, "cannot sign").because(e);
    let signature = key.try_sign(&signed_bytes(kind, payload)).map_err(cannot)?;
    let envelope = Envelope {
        payload: Base64::encode_string(payload),
        payload_type: kind.to_owned(),
        signatures: vec![Signed { keyid, sig: Base64::encode_string(signature.as_bytes()) }],
    };
    serde_json::to_string_pretty(&envelope)
        .map(|text| text + "\n")
        .map_err(|e| Error::new(Kind::Input, "the envelope cannot be written").because(e))
}

impl Trust {
    /// Opens an envelope; gives its payload, if a key that is trusted for the site and the use signed it as being of this
    /// kind. Of several signatures one is enough.
    pub fn open(
        &self,
        site: &str,
        namespace: Namespace,
        envelope: &[u8],
        kind: &'static str,
        now: Timestamp,
    ) -> Result<Vec<u8>, Distrust> {
        self.open_by(site, namespace, envelope, kind, now).map(|(payload, _)| payload)
    }

    /// The same with the key that signed it.
    pub fn open_by(
        &self,
        site: &str,
        namespace: Namespace,
        envelope: &[u8],
        kind: &'static str,
        now: Timestamp,
    ) -> Result<(Vec<u8>, KeyId), Distrust> {
        let malformed = |why: &str| Distrust::Malformed(why.to_owned());
        let Envelope { payload, payload_type, signatures } =
            serde_json::from_slice(envelope).map_err(|_| malformed("it is no DSSE envelope"))?;
        let payload = bytes(&payload).ok_or_else(|| malformed("its payload is not base64"))?;
        if payload_type != kind {
            return Err(Distrust::other_kind(&payload_type, kind));
        }
        let message = signed_bytes(kind, &payload);
        let mut nearest = malformed("nobody signed it");
        for signed in &signatures {
            match self.proves(site, namespace, signed, &message, now) {
                Ok(key) => return Ok((payload, key.id())),
                Err(why) => nearest = nearest.max(why),
            }
        }
        Err(nearest)
    }

    fn proves(
        &self,
        site: &str,
        namespace: Namespace,
        signed: &Signed,
        message: &[u8],
        now: Timestamp,
    ) -> Result<&PublicKey, Distrust> {
        let malformed = || Distrust::Malformed("it is not by an Ed25519 key".to_owned());
        let signature = bytes(&signed.sig)
            .and_then(|bytes| ssh_key::Signature::new(Algorithm::Ed25519, bytes).ok())
            .ok_or_else(malformed)?;
        // whoever signed elsewhere may have named the key in their own way: the bytes tell
        let made = |key: &PublicKey| key.data().verify(message, &signature).is_ok();
        let name = self.entries().map(|entry| &entry.key).find(|key| made(key));
        match name.map(PublicKey::fingerprint) {
            Some(name) => self.admitted(site, namespace, now, &name),
            None => match self.admitted(site, namespace, now, &shown(&signed.keyid)) {
                Ok(key) => Err(Distrust::OtherBytes { key: key.fingerprint() }),
                Err(why) => Err(why),
            },
        }
    }
}

/// The pre-authentication encoding: lengths in decimal digits, so that no two payloads give the same bytes.
fn signed_bytes(kind: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{VERSION} {} {kind} {} ", kind.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

/// A foreign text as a message may hold it.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Base64 of either alphabet, as readers of DSSE must take it.
fn bytes(text: &str) -> Option<Vec<u8>> {
    Base64::decode_vec(&text.replace('-', "+").replace('_', "/")).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{SecretKey, Sites};
    use super::*;

    const KIND: &str = "application/vnd.in-toto+json";
    const NOW: Timestamp = Timestamp { seconds: 1_700_000_000, nanos: 0 };

    fn open(trust: &Trust, envelope: &str) -> Result<Vec<u8>, Distrust> {
        trust.open("demo", Namespace::Provenance, envelope.as_bytes(), KIND, NOW)
    }

    fn trusting(key: &SecretKey, site: &str) -> Trust {
        let mut trust = Trust::default();
        trust.add(key.public(), Sites::named([site]).unwrap());
        trust
    }

    #[test]
    fn the_signed_bytes_are_those_of_the_specification() {
        // the example of DSSE's protocol.md
        let bytes = signed_bytes("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_opens_for_its_site_use_kind_and_bytes_and_for_nothing_else() {
        let (key, other) = (SecretKey::generate("a").unwrap(), SecretKey::generate("b").unwrap());
        let envelope = key.seal(KIND, b"{}").unwrap();
        let trust = trusting(&key, "demo");
        assert_eq!(open(&trust, &envelope).unwrap(), b"{}");
        assert!(matches!(
            open(&trusting(&other, "demo"), &envelope),
            Err(Distrust::UnknownKey { .. })
        ));
        assert!(matches!(
            open(&trusting(&key, "acme"), &envelope),
            Err(Distrust::OtherSite { .. })
        ));
        let line = format!("demo namespaces=\"slipway-bundle\" {}", key.public().line().unwrap());
        let narrow = Trust::parse(&line).unwrap();
        assert!(matches!(open(&narrow, &envelope), Err(Distrust::OtherUse { .. })));
        let changed =
            envelope.replace(&Base64::encode_string(b"{}"), &Base64::encode_string(b"[]"));
        assert!(matches!(open(&trust, &changed), Err(Distrust::OtherBytes { .. })));
        let kind = envelope.replace("in-toto", "other");
        assert!(matches!(open(&trust, &kind), Err(Distrust::OtherNamespace { .. })));
        for broken in [
            "",
            "{}",
            "[]",
            &envelope.replace("\"sig\": \"", "\"sig\": \"A"),
            &envelope.replace("\"payload\": \"", "\"payload\": \"*"),
        ] {
            assert!(matches!(open(&trust, broken), Err(Distrust::Malformed(_))), "{broken}");
        }
        let nobody = "{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[]}";
        assert!(matches!(open(&trust, nobody), Err(Distrust::Malformed(_))));
    }

    #[test]
    fn one_good_signature_is_enough_and_the_name_of_the_key_is_a_hint_alone() {
        let (key, other) = (SecretKey::generate("a").unwrap(), SecretKey::generate("b").unwrap());
        let mut both: Envelope = serde_json::from_str(&other.seal(KIND, b"{}").unwrap()).unwrap();
        let ours: Envelope = serde_json::from_str(&key.seal(KIND, b"{}").unwrap()).unwrap();
        both.signatures.extend(ours.signatures);
        both.signatures[1].keyid = "theirs".into();
        let text = serde_json::to_string(&both).unwrap();
        assert!(open(&trusting(&key, "demo"), &text).is_ok());
    }
}
