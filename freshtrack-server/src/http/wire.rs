//! Domain values as the API writes them: enumerations by wire name, instants as RFC 3339.

use freshtrack_core::hierarchy::WireEnum;
use freshtrack_core::time::Timestamp;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::{
    ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToJSON, Type,
};
use serde_json::Value;
use std::borrow::Cow;

/// An enumeration of the domain, by its wire name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire<T>(pub T);

/// An instant: RFC 3339 with `Z` on the way out, with any offset on the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl<T: WireEnum> Type for Wire<T> {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        T::NAME.into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Reference(T::NAME.to_owned())
    }

    fn register(registry: &mut Registry) {
        registry.create_schema::<Self, _>(T::NAME.to_owned(), |_| {
            let mut schema = MetaSchema::new("string");
            schema.enum_items = T::VALUES
                .iter()
                .map(|value| Value::from(value.wire_name()))
                .collect();
            schema
        });
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

fn parse_wire<T: WireEnum>(text: &str) -> ParseResult<Wire<T>> {
    T::from_wire(text).map(Wire).ok_or_else(|| {
        let names: Vec<_> = T::VALUES.iter().map(|value| value.wire_name()).collect();
        ParseError::custom(format!("must be one of {}", names.join(", ")))
    })
}

impl<T: WireEnum> ParseFromJSON for Wire<T> {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            Some(Value::String(text)) => parse_wire(&text),
            other => Err(ParseError::expected_type(other.unwrap_or_default())),
        }
    }
}

impl<T: WireEnum> ParseFromParameter for Wire<T> {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        parse_wire(text)
    }
}

impl<T: WireEnum> ToJSON for Wire<T> {
    fn to_json(&self) -> Option<Value> {
        Some(Value::from(self.0.wire_name()))
    }
}

impl Type for Time {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        "string_date-time".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "date-time")))
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for Time {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value {
            Some(Value::String(text)) => Self::parse_from_parameter(&text),
            other => Err(ParseError::expected_type(other.unwrap_or_default())),
        }
    }
}

impl ParseFromParameter for Time {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        text.parse().map(Self).map_err(ParseError::custom)
    }
}

impl ToJSON for Time {
    fn to_json(&self) -> Option<Value> {
        Some(Value::from(self.0.to_string()))
    }
}
