//! What the clouds' documents say about answers to conditional writes, and about errors with a
//! code: S3 (API reference, PutObject and "Error responses"), Azure ("Blob service error codes"),
//! Google ("HTTP status and error codes for XML"). An answer without a row here is judged by its
//! status alone.

use super::super::http;
use crate::error::{Error, Kind};

/// The kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Reading, listing, or a part of a large object: nothing depends on a state.
    Plain,
    /// Writing under a name if it is free.
    Create,
    /// Replacing the state that was seen.
    Swap,
}

/// What the answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The condition does not hold.
    Taken,
    /// The condition no longer holds: perhaps the request was carried out.
    Unclear,
    /// Somebody is writing it at this moment: the request may be repeated.
    Busy,
    /// The store has no such conditions.
    NoConditions,
    /// There is no such bucket.
    NoBucket,
    /// A lease or a policy, set with other tools, keeps the object from being changed.
    Held,
    /// The clock of this machine or of the service is wrong.
    Clock,
    /// The bucket is in another region than the one we asked.
    Region,
    /// As the status says.
    Status,
}

pub(super) fn meaning(asked: Asked, status: u16, code: Option<&str>) -> Meaning {
    let writing = asked != Asked::Plain;
    match (status, code.unwrap_or_default()) {
        (404, "NoSuchBucket" | "ContainerNotFound") => Meaning::NoBucket,
        // the object to be replaced no longer exists
        (404, _) if asked == Asked::Swap => Meaning::Taken,
        (403, "RequestTimeTooSkewed") => Meaning::Clock,
        (301 | 307 | 400, "PermanentRedirect" | "TemporaryRedirect") => Meaning::Region,
        (400, "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException") => {
            Meaning::Region
        }
        (400, "RequestTimeout") => Meaning::Busy,
        (409, "ContainerBeingDeleted" | "ContainerBeingCreated" | "AccountBeingCreated") => {
            Meaning::Busy
        }
        (
            409 | 412,
            "LeaseIdMissing"
            | "LeaseLost"
            | "LeaseIdMismatchWithBlobOperation"
            | "BlobImmutableDueToPolicy"
            | "ObjectHoldInEffect",
        ) if writing => Meaning::Held,
        (412, _) if writing => Meaning::Taken,
        // some stores say this instead, which does not prove that nothing was written; new objects
        // are compared anyway
        (304, _) if asked == Asked::Create => Meaning::Taken,
        (304, _) if asked == Asked::Swap => Meaning::Unclear,
        (409, "BlobAlreadyExists") if writing => Meaning::Taken,
        // S3's ConditionalRequestConflict and OperationAborted, and what similar stores send
        // without a code
        (409, _) if writing => Meaning::Busy,
        (501, _) | (400, "ConditionHeadersNotSupported" | "NotImplemented") if writing => {
            Meaning::NoConditions
        }
        _ => Meaning::Status,
    }
}

/// The error for an answer; `make` is the command that creates the bucket.
pub(super) fn error(
    meaning: Meaning,
    status: u16,
    store: &str,
    key: &str,
    make: &str,
) -> Option<Error> {
    let told = |kind, what: String, remedy: &str| Some(Error::new(kind, what).remedy(remedy));
    match meaning {
        Meaning::Status => None,
        Meaning::Taken | Meaning::Unclear => Some(http::failure_of(412, store, key)),
        Meaning::Busy => Some(Error::new(
            Kind::Network,
            format!("{store} answered {status} to {key}: it is being changed"),
        )),
        Meaning::NoConditions => told(
            Kind::Refused,
            format!("{store} has no conditional writes"),
            "of two who publish at the same time one would be lost: use a store that has them, see \
             docs/publishing.md",
        ),
        // not absence: a caller that is told "no object" would publish, or believe that nobody ever
        // did
        Meaning::NoBucket => {
            told(Kind::Input, format!("the bucket or container of {store} does not exist"), make)
        }
        Meaning::Held => told(
            Kind::Refused,
            format!("{key} of {store} is held by a lease or a retention policy"),
            "end the lease, or publish to a container without such a policy",
        ),
        Meaning::Clock => told(
            Kind::Refused,
            format!("{store} says that this machine's clock is wrong"),
            "set the clock: requests are signed with the time",
        ),
        Meaning::Region => told(
            Kind::Refused,
            format!("{store} is in another region"),
            "name the bucket's region in AWS_REGION",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_of_the_clouds_documents_has_its_meaning() {
        use Asked::{Create, Plain, Swap};
        use Meaning::{Busy, Clock, Held, NoBucket, NoConditions, Region, Status, Taken, Unclear};
        for (cloud, status, code, plain, create, swap) in [
            ("S3", 412, "PreconditionFailed", Status, Taken, Taken),
            ("S3", 409, "ConditionalRequestConflict", Status, Busy, Busy),
            ("S3", 409, "OperationAborted", Status, Busy, Busy),
            ("S3", 404, "NoSuchKey", Status, Status, Taken),
            ("S3", 404, "NoSuchBucket", NoBucket, NoBucket, NoBucket),
            ("S3", 501, "NotImplemented", Status, NoConditions, NoConditions),
            ("S3", 400, "RequestTimeout", Busy, Busy, Busy),
            ("S3", 403, "RequestTimeTooSkewed", Clock, Clock, Clock),
            ("S3", 403, "AccessDenied", Status, Status, Status),
            ("S3", 301, "PermanentRedirect", Region, Region, Region),
            ("S3", 400, "AuthorizationHeaderMalformed", Region, Region, Region),
            ("S3", 503, "SlowDown", Status, Status, Status),
            ("Azure", 409, "BlobAlreadyExists", Status, Taken, Taken),
            ("Azure", 412, "ConditionNotMet", Status, Taken, Taken),
            ("Azure", 412, "TargetConditionNotMet", Status, Taken, Taken),
            ("Azure", 404, "BlobNotFound", Status, Status, Taken),
            ("Azure", 404, "ContainerNotFound", NoBucket, NoBucket, NoBucket),
            ("Azure", 409, "ContainerBeingDeleted", Busy, Busy, Busy),
            ("Azure", 412, "LeaseIdMissing", Status, Held, Held),
            ("Azure", 409, "BlobImmutableDueToPolicy", Status, Held, Held),
            ("Azure", 400, "ConditionHeadersNotSupported", Status, NoConditions, NoConditions),
            ("Azure", 503, "ServerBusy", Status, Status, Status),
            ("Google", 412, "PreconditionFailed", Status, Taken, Taken),
            ("Google", 404, "NoSuchBucket", NoBucket, NoBucket, NoBucket),
            ("Google", 429, "SlowDown", Status, Status, Status),
            ("others", 304, "", Status, Taken, Unclear),
            ("others", 409, "", Status, Busy, Busy),
            ("others", 501, "", Status, NoConditions, NoConditions),
        ] {
            let code = (!code.is_empty()).then_some(code);
            let found = [Plain, Create, Swap].map(|asked| meaning(asked, status, code));
            assert_eq!(found, [plain, create, swap], "{cloud}: {status} {code:?}");
        }
    }

    #[test]
    fn only_what_may_pass_is_an_error_of_the_network() {
        let kind = |meaning| error(meaning, 409, "s3://b", "k", "make it").map(|e| e.kind());
        assert_eq!(kind(Meaning::Busy), Some(Kind::Network));
        assert_eq!(kind(Meaning::NoConditions), Some(Kind::Refused));
        assert_eq!(kind(Meaning::NoBucket), Some(Kind::Input));
        assert_eq!(kind(Meaning::Status), None);
    }
}
