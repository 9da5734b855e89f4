//! Whether this Redis may hold jobs: it must not evict, and should append to disk.

use crate::ports::QueueError;
use bullmq::redis_connection::RedisConnection;
use std::collections::HashMap;

/// What a server said of its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerCheck {
    /// It appends every change to disk.
    Durable,
    /// It does not, or does not tell: health is degraded, since a crash loses what was enqueued.
    Degraded,
}

/// Asks for the settings.
///
/// # Errors
/// [`QueueError::Refused`] for a policy that evicts keys: it would lose jobs silently.
pub(super) async fn check(conn: &RedisConnection) -> Result<ServerCheck, QueueError> {
    if let Some(policy) = setting(conn, "maxmemory-policy").await?
        && policy != "noeviction"
    {
        let reason = format!("maxmemory-policy is {policy}, and must be noeviction");
        return Err(QueueError::Refused { reason });
    }
    let appends = setting(conn, "appendonly").await?;
    Ok(if appends.as_deref() == Some("yes") {
        ServerCheck::Durable
    } else {
        ServerCheck::Degraded
    })
}

/// A setting; none if the server does not let us read it.
async fn setting(conn: &RedisConnection, name: &str) -> Result<Option<String>, QueueError> {
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg(name);
    match conn.cmd::<HashMap<String, String>>(&mut ask).await {
        Ok(mut answer) => Ok(answer.remove(name)),
        Err(bullmq::Error::Redis(error)) if error.is_io_error() || error.is_timeout() => {
            Err(QueueError::unavailable(error))
        }
        Err(_) => Ok(None),
    }
}
