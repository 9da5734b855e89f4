//! Every bound of the hub, in one place, with the value it has unless somebody says otherwise.

use crate::mailbox::MailboxLimits;
use std::time::Duration;

/// Bounds and times of a hub.
#[derive(Debug, Clone)]
pub struct HubConfig {
    /// Names the event history: random, stored with the database, renewed by a restore.
    pub epoch: String,
    /// Seed of everything random here, so that a run can be repeated.
    pub seed: u64,
    /// How long readings of a unit are gathered, 0…10 s; 0 means one message per commit.
    pub batch_window: Duration,
    /// Readings gathered on this node before windows close early.
    pub buffered_readings_max: usize,
    /// Units in the map of latest readings.
    pub latest_units_max: usize,
    /// What one connection may leave unread.
    pub mailbox: MailboxLimits,
    /// Bytes all connections together may leave unread.
    pub node_bytes_max: usize,
    /// A transport that takes nothing for this long while something waits is closed.
    pub stalled_after: Duration,
    /// A closed connection whose transport does not notice is shut from outside after this.
    pub close_grace: Duration,
    /// Connections of one person or key in one organization.
    pub connections_per_principal_max: usize,
    /// Connections of one organization.
    pub connections_per_org_max: usize,
    /// Connections of this node.
    pub connections_max: usize,
    /// Sites and units one connection may subscribe.
    pub subscriptions_max: usize,
    /// Commands per second of one connection.
    pub commands_per_second: u32,
    /// Commands at once of one connection.
    pub commands_burst: u32,
    /// Constant excess of commands for this long ends the connection.
    pub command_excess_max: Duration,
    /// Replays and snapshots at once; the rest wait in order.
    pub replays_max: usize,
    /// How long a hole in the sequence may be a mere reordering.
    pub gap_wait: Duration,
    /// How often the history is read while the bus is down.
    pub outage_poll: Duration,
    /// How often the history is compared with what was seen although the bus is up.
    pub safety_poll: Duration,
    /// How long an organization is followed after its last connection left.
    pub org_linger: Duration,
    /// How often every connection's right to be here is asked for again.
    pub revalidate_every: Duration,
    /// Notice before a token ends.
    pub expiry_notice: Duration,
    /// How long a token is honoured after its end.
    pub expiry_skew: Duration,
    /// Longest wait for mailboxes at a stop.
    pub drain_mailboxes: Duration,
    /// Time over which transports are closed at a stop.
    pub drain_close: Duration,
    /// Longest wait asked of a client before it returns.
    pub reconnect_spread: Duration,
}

impl HubConfig {
    /// Defaults, for the history named `epoch`.
    #[must_use]
    pub fn new(epoch: impl Into<String>) -> Self {
        Self {
            epoch: epoch.into(),
            seed: 0,
            batch_window: Duration::from_secs(1),
            buffered_readings_max: 100_000,
            latest_units_max: 100_000,
            mailbox: MailboxLimits::default(),
            node_bytes_max: 256 * 1024 * 1024,
            stalled_after: Duration::from_secs(30),
            close_grace: Duration::from_secs(5),
            connections_per_principal_max: 20,
            connections_per_org_max: 2_000,
            connections_max: 20_000,
            subscriptions_max: 200,
            commands_per_second: 20,
            commands_burst: 40,
            command_excess_max: Duration::from_secs(10),
            replays_max: 64,
            gap_wait: Duration::from_millis(200),
            outage_poll: Duration::from_millis(500),
            safety_poll: Duration::from_secs(10),
            org_linger: Duration::from_mins(1),
            revalidate_every: Duration::from_mins(1),
            expiry_notice: Duration::from_mins(1),
            expiry_skew: Duration::from_secs(30),
            drain_mailboxes: Duration::from_secs(5),
            drain_close: Duration::from_secs(5),
            reconnect_spread: Duration::from_secs(5),
        }
    }
}
