/**
 * What the server sends, and what it is asked. Written from the server's own types: do not edit.
 * Unknown events and members are to be ignored; both lists grow.
 */

/** `alert:acknowledged`. */
export interface AlertAcknowledged {
  /** Who. */
  acknowledgedBy: string;
  /** The alert. */
  alertId: string;
  /** The person's name, where it is known. */
  name: string | null;
  /** What they said. */
  note?: string;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** The site. */
  siteId: string | null;
  /** When. */
  timestamp: string;
  /** The unit. */
  unitId: string | null;
}

/** `alert:escalated`. */
export interface AlertEscalated {
  /** The alert. */
  alertId: string;
  /** When. */
  at: string;
  /** Level as older clients count it: 1 at confirmation. */
  escalationLevel: number;
  /** Steps that have fired. */
  level: number;
  /** `confirmed`, `severity_raised`, `step` or `exhausted`. */
  reason: string;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** Wire name of the severity. */
  severity: string;
  /** The site. */
  siteId: string | null;
  /** The unit. */
  unitId: string | null;
}

/** `alert:resolved`. */
export interface AlertResolved {
  /** The alert. */
  alertId: string;
  /** `auto` or `manual`. */
  kind: string;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** When. */
  resolvedAt: string;
  /** The person. */
  resolvedBy?: string;
  /** Place in the organization's sequence. */
  seq: number;
  /** The site. */
  siteId: string | null;
  /** The unit. */
  unitId: string | null;
}

/** `alert:triggered`. */
export interface AlertTriggered {
  /** The alert. */
  alertId: string;
  /** Wire name of the type. */
  alertType: string;
  /** Since when the condition holds. */
  conditionSince: string;
  /** The alert it belongs to. */
  correlatedWith?: string;
  /** The incident it belongs to. */
  incidentId?: string;
  /** One line for people. */
  message: string;
  /** Why it was raised now. */
  raiseReason: string;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** Wire name of the severity. */
  severity: string;
  /** The site. */
  siteId: string | null;
  /** In the display unit. */
  temperature: number | null;
  /** Unit of the temperatures. */
  temperatureUnit: "C" | "F";
  /** `min` or `max`. */
  thresholdViolated: string | null;
  /** Tenths of a degree in the display unit. */
  triggerTemperature: number | null;
  /** When it was raised. */
  triggeredAt: string;
  /** The unit. */
  unitId: string | null;
}

/** `auth:changed`. */
export interface AuthChanged {
  /** The new role. */
  role: "viewer" | "staff" | "manager" | "admin" | "owner";
}

/** `auth:expired`. */
export type AuthExpired = Record<string, never>;

/** `auth:expiring`. */
export interface AuthExpiring {
  /** When the token ends. */
  expiresAt: string;
}

/** `auth:revoked`. */
export interface AuthRevoked {
  /** Why, as a wire word. */
  reason: string;
}

/** One reading of a batch. */
export interface BatchReading {
  /** Percent. */
  battery: number | null;
  /** Who took it. */
  deviceId: string | null;
  /** Percent. */
  humidity: number | null;
  /** Its id. */
  id: string;
  /** Older than the newest evaluated one. */
  late?: boolean;
  /** When it was taken. */
  recordedAt: string;
  /** dBm. */
  signalStrength: number | null;
  /** Made by a simulator. */
  simulated?: boolean;
  /** Where it came from. */
  source: "ttn" | "api" | "import" | "simulator";
  /** In the display unit. */
  temperature: number | null;
  /** The same as `recordedAt`; the name older clients know. */
  timestamp: string;
}

/** `connection:ack`. */
export interface ConnectionAck {
  /** Names the event history; another one means another database. */
  epoch: string;
  /** The organization the connection belongs to for life. */
  organizationId: string;
  /** The caller's role. */
  role: "viewer" | "staff" | "manager" | "admin" | "owner";
  /** From here on this connection gets every ordered event. */
  seq: number;
  /** Server time, epoch milliseconds. */
  serverTime: number;
  /** Id of the socket. */
  socketId: string;
  /** Display unit of the organization. */
  temperatureUnit: "C" | "F";
  /** Server time. */
  timestamp: string;
}

/** `entity:changed`: a hint to fetch something again. */
export interface EntityChanged {
  /** What happened to it. */
  change: string;
  /** What kind of thing. */
  entity: string;
  /** Which. */
  id: string | null;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** The site concerned. */
  siteId?: string;
  /** The unit concerned. */
  unitId?: string;
}

/** `error`. */
export interface ErrorMessage {
  /** For programs. */
  code: string;
  /** The event it is about, cut to 64 characters. */
  event?: string;
  /** For people. */
  message: string;
}

/** `incident:opened` and `incident:closed`. */
export interface IncidentChanged {
  /** When. */
  at: string;
  /** The incident. */
  incidentId: string;
  /** Wire name of the kind. */
  kind: string;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** The site, if it is about one. */
  siteId?: string;
  /** Units concerned, at most 100. */
  unitIds: string[];
}

/** Answer to `get:latest`. */
export interface LatestPayload {
  /** Percent. */
  battery: number | null;
  /** Who took it. */
  deviceId: string | null;
  /** Percent. */
  humidity: number | null;
  /** Id of the reading. */
  id: string;
  /** When it was taken. */
  recordedAt: string;
  /** dBm. */
  signalStrength: number | null;
  /** Where it came from. */
  source: "ttn" | "api" | "import" | "simulator";
  /** In the display unit. */
  temperature: number | null;
  /** Unit of the temperature. */
  temperatureUnit: "C" | "F";
  /** The unit. */
  unitId: string;
}

/** `metrics:updated`: roll-ups were computed again. */
export interface MetricsUpdated {
  /** How many figures were written. */
  metricsUpdated: number;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** When. */
  timestamp: string;
  /** Units whose figures changed. */
  unitsAffected: string[];
}

/** `notice:created`: a note for one person. */
export interface NoticeCreated {
  /** The alert it is about. */
  alertId?: string;
  /** When. */
  at: string;
  /** The note. */
  noticeId: string;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** One line for people. */
  title: string;
}

/** `sensor:readings:batch`. */
export interface ReadingsBatch {
  /** How many `readings`. */
  count: number;
  /** Ascending by `recordedAt`, then id. */
  readings: BatchReading[];
  /** Highest sequence contained. */
  seq: number;
  /** Lowest sequence contained. */
  seqFrom: number;
  /** The unit's site. */
  siteId: string | null;
  /** Unit of the temperatures. */
  temperatureUnit: "C" | "F";
  /** How many older readings of the window are only in the store. */
  truncated?: number;
  /** The unit. */
  unitId: string;
}

/** `readings:skipped`. */
export interface ReadingsSkipped {
  /** How many readings. */
  count: number;
  /** Units concerned, at most 1,000. */
  unitIds: string[];
}

/** `resume:complete`. */
export interface ResumeComplete {
  /** What the client had. */
  from: number;
  /** What it has now. */
  to: number;
}

/** `resync`. */
export interface Resync {
  /** This part, from 1. */
  part: number;
  /** How many parts. */
  parts: number;
  /** Why. */
  reason: "too_old" | "too_many" | "reset" | "other_organization" | "gap" | "slow_consumer";
  /** In the last part: what the state is as of. */
  seq?: number;
  /** The state to take over; none when only a hint before a disconnect. */
  snapshot: SnapshotRows | null;
}

/** `server:draining`. */
export interface ServerDraining {
  /** Wait this long before coming back. */
  reconnectAfterMs: number;
}

/** An open alert in a snapshot. */
export interface SnapshotAlert {
  /** When somebody took it. */
  acknowledgedAt: string | null;
  /** The alert. */
  alertId: string;
  /** Wire name of the type. */
  alertType: string;
  /** Level as older clients count it. */
  escalationLevel: number;
  /** Wire name of the severity. */
  severity: string;
  /** The site. */
  siteId: string;
  /** Wire name of the status. */
  status: string;
  /** When it was raised. */
  triggeredAt: string;
  /** The unit. */
  unitId: string;
}

/** Rows of one part of a snapshot. */
export interface SnapshotRows {
  /** Open alerts. */
  alerts: SnapshotAlert[];
  /** Units. */
  units: SnapshotUnit[];
}

/** A unit in a snapshot. */
export interface SnapshotUnit {
  /** When that was taken. */
  recordedAt: string | null;
  /** Its site. */
  siteId: string;
  /** Dashboard group. */
  state: string;
  /** Displayed status. */
  status: string;
  /** Newest evaluated temperature in the display unit. */
  temperature: number | null;
  /** The unit. */
  unitId: string;
}

/** `subscription:error`. */
export interface SubscriptionError {
  /** For programs. */
  code: string;
  /** `site`, `unit` or `organization`. */
  entity: string;
  /** As sent, cut to 64 characters. */
  entityId: string;
  /** For people. */
  message: string;
}

/** `unit:state:changed` and `unit:status:changed`. */
export interface UnitChanged {
  /** Dashboard group now. */
  newState: string;
  /** Dashboard group before. */
  previousState: string;
  /** Status before. */
  previousStatus: string;
  /** Why. */
  reason: string | null;
  /** Only on events sent again after a return. */
  replayed?: true;
  /** Place in the organization's sequence. */
  seq: number;
  /** The site. */
  siteId: string | null;
  /** Status now. */
  status: string;
  /** When. */
  timestamp: string;
  /** The unit. */
  unitId: string | null;
}

export interface ServerEvents {
  "alert:acknowledged": (payload: AlertAcknowledged) => void;
  "alert:escalated": (payload: AlertEscalated) => void;
  "alert:resolved": (payload: AlertResolved) => void;
  "alert:triggered": (payload: AlertTriggered) => void;
  "auth:changed": (payload: AuthChanged) => void;
  "auth:expired": (payload: AuthExpired) => void;
  "auth:expiring": (payload: AuthExpiring) => void;
  "auth:revoked": (payload: AuthRevoked) => void;
  "connection:ack": (payload: ConnectionAck) => void;
  "entity:changed": (payload: EntityChanged) => void;
  "error": (payload: ErrorMessage) => void;
  "incident:closed": (payload: IncidentChanged) => void;
  "incident:opened": (payload: IncidentChanged) => void;
  "metrics:updated": (payload: MetricsUpdated) => void;
  "notice:created": (payload: NoticeCreated) => void;
  "readings:skipped": (payload: ReadingsSkipped) => void;
  "resume:complete": (payload: ResumeComplete) => void;
  "resync": (payload: Resync) => void;
  "sensor:readings:batch": (payload: ReadingsBatch) => void;
  "server:draining": (payload: ServerDraining) => void;
  "subscription:error": (payload: SubscriptionError) => void;
  "unit:state:changed": (payload: UnitChanged) => void;
  "unit:status:changed": (payload: UnitChanged) => void;
}

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
