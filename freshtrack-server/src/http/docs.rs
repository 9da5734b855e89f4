//! `/docs`: the interactive reference, one page with everything in it.
//!
//! The page is the one that poem-openapi embeds (Scalar), told where the description is and to load no
//! fonts. It works without the internet, and its content security policy sees to it that it never asks
//! for anything but this server.

use bytes::Bytes;
use poem::Response;
use poem::http::header;
use poem_openapi::OpenApiService;
use std::sync::LazyLock;

/// What the page may do: run what is in it, and call this server.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; \
    img-src 'self' data:; font-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";
/// Where the script tag of the page begins; its configuration is added there.
const SCRIPT: &str = r#"id="api-reference""#;
/// The page's configuration, as JSON in an attribute.
const CONFIGURATION: &str =
    r#"data-configuration='{"url":"/api/v1/openapi.json","withDefaultFonts":false}'"#;

static PAGE: LazyLock<Bytes> = LazyLock::new(|| {
    // The description is fetched, so the page is made of none.
    let html = OpenApiService::new((), "", "").scalar_html();
    html.replacen(SCRIPT, &format!("{SCRIPT} {CONFIGURATION}"), 1)
        .replacen("<title>Scalar</title>", "<title>FreshTrack API</title>", 1)
        .into()
});

/// The page.
#[poem::handler]
pub(super) fn page() -> Response {
    Response::builder()
        .content_type("text/html; charset=utf-8")
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .body(PAGE.clone())
}
