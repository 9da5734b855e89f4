//! What clients can receive, as JSON Schema and TypeScript: written from the payload types themselves,
//! so that neither can name a field that is not sent, or miss one that is.

use crate::event::ServerEvent;
use crate::payload::{self, Millis};
use freshtrack_core::hierarchy::WireEnum;
use freshtrack_core::ids::{
    AlertId, DeviceId, IncidentId, OrgId, ReadingId, SiteId, UnitId, UserId,
};
use freshtrack_core::principal::Role;
use freshtrack_core::reading::ReadingSource;
use freshtrack_core::temperature::TemperatureUnit;
use serde_json::{Map, Value, json};

/// How a type looks in JSON.
pub(crate) trait Shape {
    fn shape() -> Value;
}

/// Types that are one JSON Schema type.
macro_rules! shapes {
    ($($type:ty => $shape:tt;)+) => {$(
        impl Shape for $type {
            fn shape() -> Value {
                json!($shape)
            }
        }
    )+};
}

shapes! {
    String => {"type": "string"};
    &'static str => {"type": "string"};
    bool => {"type": "boolean"};
    f64 => {"type": "number"};
    i16 => {"type": "integer"};
    i64 => {"type": "integer"};
    u8 => {"type": "integer", "minimum": 0, "maximum": 255};
    u16 => {"type": "integer", "minimum": 0};
    u32 => {"type": "integer", "minimum": 0};
    u64 => {"type": "integer", "minimum": 0};
    usize => {"type": "integer", "minimum": 0};
    Millis => {"type": "string", "format": "date-time"};
    TemperatureUnit => {"type": "string", "enum": ["C", "F"]};
    AlertId => {"type": "string", "format": "uuid"};
    DeviceId => {"type": "string", "format": "uuid"};
    IncidentId => {"type": "string", "format": "uuid"};
    OrgId => {"type": "string", "format": "uuid"};
    ReadingId => {"type": "string", "format": "uuid"};
    SiteId => {"type": "string", "format": "uuid"};
    UnitId => {"type": "string", "format": "uuid"};
    UserId => {"type": "string", "format": "uuid"};
}

fn names<T: WireEnum>() -> Value {
    let names: Vec<&str> = T::VALUES.iter().map(|value| value.wire_name()).collect();
    json!({"type": "string", "enum": names})
}

/// Enumerations with wire names.
macro_rules! enumerations {
    ($($type:ty),+) => {$(
        impl Shape for $type {
            fn shape() -> Value {
                names::<$type>()
            }
        }
    )+};
}

enumerations!(Role, ReadingSource, crate::ResyncReason);

impl<T: Shape> Shape for Option<T> {
    fn shape() -> Value {
        json!({"anyOf": [T::shape(), {"type": "null"}]})
    }
}

impl<T: Shape> Shape for Vec<T> {
    fn shape() -> Value {
        json!({"type": "array", "items": T::shape()})
    }
}

/// One member of a payload, as the macro that declares payloads hands it over.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// Its attributes as source text.
    pub(crate) attributes: &'static [&'static str],
    pub(crate) shape: Value,
}

/// The definition of a payload.
pub(crate) fn object(attributes: &[&str], members: Vec<Member>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for member in members {
        let name = camel(member.name);
        let optional = member
            .attributes
            .iter()
            .any(|attribute| attribute.contains("skip_serializing_if"));
        // What is left out when there is none is never sent as null.
        let mut shape = match (optional, member.shape.get("anyOf")) {
            (true, Some(Value::Array(kinds))) => kinds.first().cloned().unwrap_or_default(),
            _ => member.shape,
        };
        if let (Value::Object(shape), Some(words)) = (&mut shape, words(member.attributes)) {
            shape.insert("description".to_owned(), words.into());
        }
        if !optional {
            required.push(Value::from(name.as_str()));
        }
        properties.insert(name, shape);
    }
    json!({
        "type": "object",
        "description": words(attributes),
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// The words of a doc comment among attributes.
fn words(attributes: &[&str]) -> Option<String> {
    let docs = attributes.iter().filter(|a| a.starts_with("doc"));
    let text: Vec<&str> = docs
        .filter_map(|doc| Some(doc.split_once('"')?.1.rsplit_once('"')?.0.trim()))
        .collect();
    (!text.is_empty()).then(|| text.join(" "))
}

/// `unit_id` as `unitId`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut camel, part| {
        let mut letters = part.chars();
        camel.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
        camel
    })
}

/// Name of an event's payload type, and whether a replay marks it.
const fn payload_of(event: ServerEvent) -> (&'static str, bool) {
    use ServerEvent as E;
    match event {
        E::ConnectionAck => ("ConnectionAck", false),
        E::SubscriptionError => ("SubscriptionError", false),
        E::Error => ("ErrorMessage", false),
        E::ResumeComplete => ("ResumeComplete", false),
        E::Resync => ("Resync", false),
        E::ReadingsSkipped => ("ReadingsSkipped", false),
        E::AuthExpiring => ("AuthExpiring", false),
        E::AuthExpired => ("AuthExpired", false),
        E::AuthChanged => ("AuthChanged", false),
        E::AuthRevoked => ("AuthRevoked", false),
        E::ServerDraining => ("ServerDraining", false),
        E::SensorReadingsBatch => ("ReadingsBatch", false),
        E::AlertTriggered => ("AlertTriggered", true),
        E::AlertEscalated => ("AlertEscalated", true),
        E::AlertAcknowledged => ("AlertAcknowledged", true),
        E::AlertResolved => ("AlertResolved", true),
        E::UnitStateChanged | E::UnitStatusChanged => ("UnitChanged", true),
        E::IncidentOpened | E::IncidentClosed => ("IncidentChanged", true),
        E::EntityChanged => ("EntityChanged", true),
        E::NoticeCreated => ("NoticeCreated", true),
        E::MetricsUpdated => ("MetricsUpdated", true),
    }
}

/// JSON Schema (2020-12) of everything a client can receive: `properties` by event name, `$defs` by type.
#[must_use]
pub fn events_schema() -> Value {
    let mut definitions: Map<String, Value> = payload::definitions().into_iter().collect();
    let mut events = Map::new();
    for event in ServerEvent::ALL {
        let (name, replayed) = payload_of(*event);
        if let Some(definition) = definitions.get_mut(name).filter(|_| replayed) {
            definition["properties"]["replayed"] = json!({
                "const": true,
                "description": "Only on events sent again after a return.",
            });
        }
        events.insert(
            event.as_str().to_owned(),
            json!({"$ref": format!("#/$defs/{name}")}),
        );
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What live clients receive, by event name",
        "type": "object",
        "properties": events,
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// The same as TypeScript declarations, and what a client may send.
#[must_use]
pub fn events_typescript() -> String {
    let schema = events_schema();
    let mut text = String::from(
        "/**\n * What the server sends, and what it is asked. Written from the server's own types: do not edit.\n \
         * Unknown events and members are to be ignored; both lists grow.\n */\n",
    );
    for (name, definition) in entries(&schema["$defs"]) {
        text.push_str(&format_interface(name, definition));
    }
    text.push_str("\nexport interface ServerEvents {\n");
    for (event, reference) in entries(&schema["properties"]) {
        let member = format!(
            "  \"{event}\": (payload: {}) => void;\n",
            type_of(reference)
        );
        text.push_str(&member);
    }
    text.push_str("}\n");
    text.push_str(CLIENT_EVENTS);
    text
}

/// Commands and their answers (section 6 of the protocol).
const CLIENT_EVENTS: &str = r#"
export type Done = { ok: true } | { ok: false; code: string; message: string };

export type Refreshed = { ok: true; expiresAt: string } | { ok: false; message: string };

export interface ClientEvents {
  "subscribe:site": (siteId: string, answer?: (result: Done) => void) => void;
  "subscribe:unit": (unitId: string, answer?: (result: Done) => void) => void;
  "subscribe:organization": (organizationId: string, answer?: (result: Done) => void) => void;
  "unsubscribe:site": (siteId: string, answer?: (result: Done) => void) => void;
  "unsubscribe:unit": (unitId: string, answer?: (result: Done) => void) => void;
  "unsubscribe:organization": (organizationId: string, answer?: (result: Done) => void) => void;
  "get:latest": (unitId: string, answer: (reading: LatestPayload | null) => void) => void;
  ping: (answer: (epochMilliseconds: number) => void) => void;
  "auth:refresh": (argument: { token: string }, answer: (result: Refreshed) => void) => void;
}
"#;

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn format_interface(name: &str, definition: &Value) -> String {
    let comment = |indent: &str, of: &Value| {
        let words = of["description"].as_str();
        words.map_or(String::new(), |words| format!("{indent}/** {words} */\n"))
    };
    let required: Vec<&str> = definition["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut text = format!("\n{}", comment("", definition));
    let members: Vec<_> = entries(&definition["properties"]).collect();
    if members.is_empty() {
        text.extend(["export type ", name, " = Record<string, never>;\n"]);
        return text;
    }
    text.extend(["export interface ", name, " {\n"]);
    for (member, shape) in members {
        text.push_str(&comment("  ", shape));
        let mark = if required.contains(&member.as_str()) {
            ""
        } else {
            "?"
        };
        text.extend(["  ", member, mark, ": ", &type_of(shape), ";\n"]);
    }
    text.push_str("}\n");
    text
}

fn type_of(shape: &Value) -> String {
    if let Some(name) = shape["$ref"].as_str() {
        return name.trim_start_matches("#/$defs/").to_owned();
    }
    if let Some(kinds) = shape["anyOf"].as_array() {
        let kinds: Vec<String> = kinds.iter().map(type_of).collect();
        return kinds.join(" | ");
    }
    if let Some(names) = shape["enum"].as_array() {
        let names: Vec<String> = names.iter().map(Value::to_string).collect();
        return names.join(" | ");
    }
    if let Some(constant) = shape.get("const") {
        return constant.to_string();
    }
    match shape["type"].as_str() {
        Some("array") => format!("{}[]", type_of(&shape["items"])),
        Some("integer" | "number") => "number".to_owned(),
        Some(other) => other.to_owned(),
        None => "unknown".to_owned(),
    }
}
