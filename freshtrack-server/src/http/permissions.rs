//! Who may do what: the whole permission matrix in one table.

use freshtrack_core::principal::{Role, Scope};

/// What an operation asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Requirement {
    /// A member with at least this role.
    Role(Role),
    /// A machine with this scope.
    Key(Scope),
}

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $requirement:expr, $read_keys:literal;)+) => {
        /// Every operation inside an organization, named as in the OpenAPI document.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation { $($(#[$doc])* $variant,)+ }

        impl Operation {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// `operationId` in the OpenAPI document.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// What it asks of its caller.
            #[must_use]
            pub const fn requirement(self) -> Requirement {
                match self { $(Self::$variant => $requirement,)+ }
            }

            /// Whether a key with scope `read` may do it, as a viewer.
            #[must_use]
            pub const fn open_to_read_keys(self) -> bool {
                match self { $(Self::$variant => $read_keys,)+ }
            }
        }
    };
}

use Requirement::{Key, Role as Member};
use Role::{Admin, Manager, Owner, Staff, Viewer};

operations! {
    /// Posting readings.
    IngestReadings = "ingest_readings", Key(Scope::Ingest), false;
    /// One organization.
    GetOrganization = "get_organization", Member(Viewer), true;
    /// Name, time zone and scale of the organization.
    UpdateOrganization = "update_organization", Member(Owner), false;
    /// The organization at a glance.
    GetOverview = "get_overview", Member(Viewer), true;
    /// Its members.
    ListMembers = "list_members", Member(Viewer), true;
    /// A member's role.
    ChangeMember = "change_member", Member(Admin), false;
    /// The end of a membership; one's own needs no role.
    RemoveMember = "remove_member", Member(Admin), false;
    /// Another owner, who takes the caller's place.
    TransferOwnership = "transfer_ownership", Member(Owner), false;
    /// Its sites.
    ListSites = "list_sites", Member(Viewer), true;
    /// One site.
    GetSite = "get_site", Member(Viewer), true;
    /// A changed site.
    UpdateSite = "update_site", Member(Admin), false;
    /// A site for the archive.
    ArchiveSite = "archive_site", Member(Admin), false;
    /// A site from the archive.
    RestoreSite = "restore_site", Member(Admin), false;
    /// A new site.
    CreateSite = "create_site", Member(Admin), false;
    /// Its areas.
    ListAreas = "list_areas", Member(Viewer), true;
    /// One area.
    GetArea = "get_area", Member(Viewer), true;
    /// A changed area.
    UpdateArea = "update_area", Member(Admin), false;
    /// An area for the archive.
    ArchiveArea = "archive_area", Member(Admin), false;
    /// An area from the archive.
    RestoreArea = "restore_area", Member(Admin), false;
    /// A new area.
    CreateArea = "create_area", Member(Admin), false;
    /// Its units.
    ListUnits = "list_units", Member(Viewer), true;
    /// One unit.
    GetUnit = "get_unit", Member(Viewer), true;
    /// A changed unit.
    UpdateUnit = "update_unit", Member(Manager), false;
    /// A unit for the archive.
    ArchiveUnit = "archive_unit", Member(Manager), false;
    /// A unit from the archive.
    RestoreUnit = "restore_unit", Member(Manager), false;
    /// A new unit.
    CreateUnit = "create_unit", Member(Manager), false;
    /// A unit's readings.
    ListReadings = "list_readings", Member(Viewer), true;
    /// Newest reading of a unit.
    GetLatestReading = "get_latest_reading", Member(Viewer), true;
    /// Readings of a unit as a series.
    GetReadingSeries = "get_reading_series", Member(Viewer), true;
    /// Its devices.
    ListDevices = "list_devices", Member(Viewer), true;
    /// One device.
    GetDevice = "get_device", Member(Viewer), true;
    /// A changed device.
    UpdateDevice = "update_device", Member(Manager), false;
    /// A device for the archive.
    ArchiveDevice = "archive_device", Member(Manager), false;
    /// A device from the archive.
    RestoreDevice = "restore_device", Member(Manager), false;
    /// A new device.
    CreateDevice = "create_device", Member(Manager), false;
    /// A device's unit.
    AssignDevice = "assign_device", Member(Manager), false;
    /// Connections to networks.
    ListTtnConnections = "list_ttn_connections", Member(Admin), false;
    /// A new connection; URL and secret are shown once.
    CreateTtnConnection = "create_ttn_connection", Member(Admin), false;
    /// One connection.
    GetTtnConnection = "get_ttn_connection", Member(Admin), false;
    /// A changed connection.
    UpdateTtnConnection = "update_ttn_connection", Member(Admin), false;
    /// The end of a connection.
    RemoveTtnConnection = "remove_ttn_connection", Member(Admin), false;
    /// A further secret of a connection, shown once.
    RotateTtnSecret = "rotate_ttn_secret", Member(Admin), false;
    /// Rules set at a place.
    GetRules = "get_rules", Member(Viewer), true;
    /// New rules at a place.
    SetRules = "set_rules", Member(Admin), false;
    /// A field that is inherited again.
    ClearRuleField = "clear_rule_field", Member(Admin), false;
    /// A proposed rule on a unit's own history.
    TryRules = "try_rules", Member(Admin), false;
    /// Who changed rules.
    ListRuleHistory = "list_rule_history", Member(Viewer), true;
    /// What holds at a unit.
    GetEffectiveRules = "get_effective_rules", Member(Viewer), true;
    /// Machine credentials.
    ListApiKeys = "list_api_keys", Member(Admin), false;
    /// A new machine credential; the secret is shown once.
    CreateApiKey = "create_api_key", Member(Admin), false;
    /// A successor of a machine credential; the secret is shown once.
    RotateApiKey = "rotate_api_key", Member(Admin), false;
    /// The end of a machine credential.
    RevokeApiKey = "revoke_api_key", Member(Admin), false;
    /// Alerts.
    ListAlerts = "list_alerts", Member(Viewer), true;
    /// One alert.
    GetAlert = "get_alert", Member(Viewer), true;
    /// How much alarm people get.
    GetAlertStatistics = "get_alert_statistics", Member(Viewer), true;
    /// An alert's history.
    ListAlertHistory = "list_alert_history", Member(Viewer), true;
    /// "I have it."
    AcknowledgeAlert = "acknowledge_alert", Member(Staff), false;
    /// "It is over."
    ResolveAlert = "resolve_alert", Member(Staff), false;
    /// Quiet about one alert for a time; longer than 8 hours takes an admin.
    SnoozeAlert = "snooze_alert", Member(Staff), false;
    /// Windows in which nothing is raised.
    ListSuppressions = "list_suppressions", Member(Viewer), true;
    /// One such window.
    GetSuppression = "get_suppression", Member(Viewer), true;
    /// A new one at a unit or area; at a site or the organization it takes an admin.
    CreateSuppression = "create_suppression", Member(Manager), false;
    /// The end of one; anything but a snooze takes the role that could make it.
    EndSuppression = "end_suppression", Member(Staff), false;
    /// Values that people measured.
    ListManualLogs = "list_manual_logs", Member(Viewer), true;
    /// The same of one unit.
    ListUnitManualLogs = "list_unit_manual_logs", Member(Viewer), true;
    /// A measured value.
    CreateManualLog = "create_manual_log", Member(Staff), false;
    /// What people did.
    ListCorrectiveActions = "list_corrective_actions", Member(Viewer), true;
    /// One thing they did.
    GetCorrectiveAction = "get_corrective_action", Member(Viewer), true;
    /// Something they did.
    CreateCorrectiveAction = "create_corrective_action", Member(Staff), false;
    /// Calibrations of a device.
    ListCalibrations = "list_calibrations", Member(Viewer), true;
    /// A calibration.
    CreateCalibration = "create_calibration", Member(Manager), false;
    /// What a unit is like now, and why.
    GetUnitState = "get_unit_state", Member(Viewer), true;
    /// What it went through.
    GetUnitTimeline = "get_unit_timeline", Member(Viewer), true;
    /// Its doors.
    ListDoorEvents = "list_door_events", Member(Viewer), true;
    /// Values put aside.
    ListQuarantinedReadings = "list_quarantined_readings", Member(Manager), false;
    /// The audit log; own events below admin.
    ListAuditEvents = "list_audit_events", Member(Viewer), true;
    /// One audit event; an own one below admin.
    GetAuditEvent = "get_audit_event", Member(Viewer), true;
    /// That an event is in the log.
    ProveAuditEvent = "prove_audit_event", Member(Admin), false;
    /// That the log extends an earlier one.
    ProveAuditConsistency = "prove_audit_consistency", Member(Admin), false;
    /// Signed states of the log.
    ListAuditHeads = "list_audit_heads", Member(Admin), false;
    /// A bundle to be checked elsewhere.
    ExportAudit = "export_audit", Member(Admin), false;
    /// The audit chain's soundness.
    VerifyAudit = "verify_audit", Member(Admin), false;
    /// The live stream.
    Stream = "stream", Member(Viewer), true;
}
