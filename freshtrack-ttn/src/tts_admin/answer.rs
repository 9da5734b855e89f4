//! What an error of The Things Stack means.
//!
//! The text is for people and changes; the name in the first detail is what is told apart.

use crate::provisioning::fault::{Conflict, FaultClass, LnsFault};
use freshtrack_core::time::Span;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::collections::BTreeSet;

/// How long to wait when the network does not say.
const WAIT: i64 = 5;
/// The longest wait that is believed.
const WAIT_MAX: i64 = 300;

/// Reads a number from a header.
pub(super) fn header<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Classifies an answer that is not a success.
pub(super) fn fault(status: u16, headers: &HeaderMap, body: &Value) -> LnsFault {
    let detail = &body["details"][0];
    let name = detail["name"].as_str();
    let class = match status {
        401 => FaultClass::Credential,
        403 => FaultClass::Rights {
            missing: BTreeSet::new(),
        },
        404 => FaultClass::Absent,
        409 => conflict(name, detail),
        429 => FaultClass::RateLimited {
            retry_after: wait(headers),
        },
        400..=498 if status != 408 => FaultClass::Refused,
        _ => FaultClass::OutcomeUnknown,
    };
    let text = |value: &Value| {
        let text: String = value.as_str()?.chars().take(100).collect();
        Some(text)
    };
    LnsFault {
        class,
        name: text(&detail["name"]),
        correlation_id: text(&detail["correlation_id"]),
    }
}

fn conflict(name: Option<&str>, detail: &Value) -> FaultClass {
    let attribute = |key: &str| detail["attributes"][key].as_str();
    let conflict = match name {
        Some("end_device_euis_taken_in_other_tenant") => Conflict::OtherTenant,
        Some("duplicate_identifiers" | "id_taken") => Conflict::Leftover,
        // Somebody changed the same record at the same time: look again.
        Some("aborted") | None => return FaultClass::OutcomeUnknown,
        Some(_) => Conflict::Device {
            application: attribute("application_id").and_then(|id| id.parse().ok()),
            device: attribute("device_id").and_then(|id| id.parse().ok()),
        },
    };
    FaultClass::Conflict(conflict)
}

fn wait(headers: &HeaderMap) -> Span {
    let seconds = ["x-rate-limit-retry", "x-ratelimit-retry", "retry-after"]
        .into_iter()
        .find_map(|name| header(headers, name))
        .unwrap_or(WAIT);
    Span::from_seconds(seconds.clamp(1, WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn class(status: u16, name: Option<&str>, attributes: &Value) -> FaultClass {
        let body = json!({"code": 1, "message": "text", "details": [
            {"name": name, "attributes": attributes, "correlation_id": "c0ffee"}]});
        fault(status, &HeaderMap::new(), &body).class
    }

    #[test]
    fn every_status_has_a_reaction() {
        let none = json!({});
        assert_eq!(class(400, Some("validation"), &none), FaultClass::Refused);
        assert_eq!(
            class(401, Some("api_key_not_found"), &none),
            FaultClass::Credential
        );
        assert!(matches!(
            class(403, Some("no_application_rights"), &none),
            FaultClass::Rights { .. }
        ));
        assert_eq!(
            class(404, Some("end_device_not_found"), &none),
            FaultClass::Absent
        );
        for status in [408, 499, 500, 501, 503, 504] {
            assert_eq!(
                class(status, None, &none),
                FaultClass::OutcomeUnknown,
                "{status}"
            );
        }
        assert_eq!(
            class(409, Some("aborted"), &none),
            FaultClass::OutcomeUnknown
        );
        assert_eq!(
            class(409, Some("duplicate_identifiers"), &none),
            FaultClass::Conflict(Conflict::Leftover)
        );
        assert_eq!(
            class(
                409,
                Some("end_device_euis_taken"),
                &json!({"application_id": "other-app", "device_id": "their-device"})
            ),
            FaultClass::Conflict(Conflict::Device {
                application: Some("other-app".parse().unwrap()),
                device: Some("their-device".parse().unwrap()),
            })
        );
    }

    #[test]
    fn the_wait_is_read_under_each_spelling_and_bounded() {
        for (name, value, seconds) in [
            ("x-rate-limit-retry", "7", 7),
            ("x-ratelimit-retry", "9", 9),
            ("x-rate-limit-retry", "999999", WAIT_MAX),
            ("x-rate-limit-retry", "soon", WAIT),
            ("x-other", "7", WAIT),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(
                fault(429, &headers, &Value::Null).class,
                FaultClass::RateLimited {
                    retry_after: Span::from_seconds(seconds)
                }
            );
        }
    }
}
