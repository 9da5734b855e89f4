//! Column types that are one value in Rust and two in the databases.

use freshtrack_core::error::StoreError;
use freshtrack_core::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::str::FromStr;

use super::error::corrupt;

/// An instant: INTEGER microseconds on SQLite, TIMESTAMPTZ on PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct At(pub(crate) Timestamp);

#[cfg(feature = "sqlite")]
mod sqlite {
    use super::{At, Timestamp};
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
    use sqlx::{Decode, Encode, Sqlite, Type};

    impl Type<Sqlite> for At {
        fn type_info() -> SqliteTypeInfo {
            <i64 as Type<Sqlite>>::type_info()
        }

        fn compatible(ty: &SqliteTypeInfo) -> bool {
            <i64 as Type<Sqlite>>::compatible(ty)
        }
    }

    impl Encode<'_, Sqlite> for At {
        fn encode_by_ref(&self, args: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
            Encode::<Sqlite>::encode_by_ref(&self.0.as_micros(), args)
        }
    }

    impl Decode<'_, Sqlite> for At {
        fn decode(value: SqliteValueRef<'_>) -> Result<Self, BoxDynError> {
            <i64 as Decode<Sqlite>>::decode(value)
                .map(|micros| Self(Timestamp::from_micros(micros)))
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use super::{At, Timestamp};
    use chrono::{DateTime, Utc};
    use sqlx::encode::IsNull;
    use sqlx::error::BoxDynError;
    use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
    use sqlx::{Decode, Encode, Postgres, Type};

    impl Type<Postgres> for At {
        fn type_info() -> PgTypeInfo {
            <DateTime<Utc> as Type<Postgres>>::type_info()
        }
    }

    impl PgHasArrayType for At {
        fn array_type_info() -> PgTypeInfo {
            <DateTime<Utc> as PgHasArrayType>::array_type_info()
        }
    }

    impl Encode<'_, Postgres> for At {
        fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
            Encode::<Postgres>::encode_by_ref(&self.0.to_datetime(), buffer)
        }
    }

    impl Decode<'_, Postgres> for At {
        fn decode(value: PgValueRef<'_>) -> Result<Self, BoxDynError> {
            <DateTime<Utc> as Decode<Postgres>>::decode(value)
                .map(|at| Self(Timestamp::from_micros(at.timestamp_micros())))
        }
    }
}

/// Reads a wire name back.
pub(crate) fn parse<T: FromStr>(
    table: &'static str,
    column: &str,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| corrupt(table, column))
}

/// Reads a JSON column back.
pub(crate) fn from_json<T: DeserializeOwned>(
    table: &'static str,
    column: &str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| corrupt(table, column))
}

/// Writes a JSON column.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(StoreError::unavailable)
}

/// Reads a number back that is narrower in Rust than in the table.
pub(crate) fn narrow<T: TryFrom<I>, I>(
    table: &'static str,
    column: &str,
    value: I,
) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| corrupt(table, column))
}

/// The form of a name in which it is compared.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}
