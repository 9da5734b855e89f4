//! Cursors: where a list goes on, opaque to clients and bound to the list that made them.

use super::problem::{Code, Problem};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use freshtrack_core::page::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX, PageRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Version of the encoding; an older cursor is refused, not misread.
const VERSION: u8 = 1;

/// Writes the key of the last row of a page of `list` as a cursor.
#[must_use]
pub fn encode<K: Serialize>(list: &str, key: &K) -> String {
    let json = serde_json::to_vec(&(VERSION, list, key)).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(json)
}

/// Reads `limit` and `after` of a request for a page of `list`.
///
/// # Errors
/// 400 `cursor-invalid` for a cursor of another list or version, 422 for a limit outside 1…200.
pub fn request<K: DeserializeOwned>(
    list: &str,
    limit: Option<u16>,
    after: Option<&str>,
) -> Result<PageRequest<K>, Problem> {
    let limit = limit.unwrap_or(PAGE_ROWS_DEFAULT);
    if !(1..=PAGE_ROWS_MAX).contains(&limit) {
        return Err(Problem::field(
            "?limit",
            format!("must be from 1 to {PAGE_ROWS_MAX}"),
        ));
    }
    let after = after.map(|text| decode(list, text)).transpose()?;
    Ok(PageRequest { limit, after })
}

fn decode<K: DeserializeOwned>(list: &str, text: &str) -> Result<K, Problem> {
    let invalid = || Problem::new(Code::CursorInvalid);
    let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
    let (version, name, key): (u8, String, K) =
        serde_json::from_slice(&json).map_err(|_| invalid())?;
    if version == VERSION && name == list {
        Ok(key)
    } else {
        Err(invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_own_list_only() {
        let cursor = encode("alerts", &(5u8, "x"));
        let page = request::<(u8, String)>("alerts", None, Some(&cursor)).unwrap();
        assert_eq!(page.after, Some((5, "x".to_owned())));
        assert_eq!(page.limit, 50);
        let refused = request::<(u8, String)>("units", None, Some(&cursor)).unwrap_err();
        assert_eq!(refused.code(), Code::CursorInvalid);
    }

    #[test]
    fn any_other_text_is_refused() {
        for text in ["", "!", "AAAA", "eyJ9", &"A".repeat(10_000)] {
            let refused = request::<(u8, String)>("alerts", None, Some(text)).unwrap_err();
            assert_eq!(refused.code(), Code::CursorInvalid, "{text:.20}");
        }
    }

    #[test]
    fn limits_outside_one_to_two_hundred_are_refused() {
        for limit in [0, 201, u16::MAX] {
            assert!(request::<u8>("alerts", Some(limit), None).is_err());
        }
    }
}
