/** What the server sends, as far as this client uses it. Unknown events and fields are ignored. */

export interface ConnectionAck {
  socketId: string;
  organizationId: string;
  role: string;
  /** From here on every ordered event arrives; sets the remembered number. */
  seq: number;
  epoch: string;
  serverTime: number;
  temperatureUnit: "C" | "F";
}

export interface Reading {
  id: string;
  temperature: number | null;
  humidity: number | null;
  recordedAt: string;
  late?: boolean;
}

export interface ReadingsBatch {
  unitId: string;
  readings: Reading[];
  seq: number;
}

export interface AlertEvent {
  alertId: string;
  unitId: string;
  severity?: string;
  message?: string;
  seq: number;
}

export interface UnitState {
  unitId: string;
  newState: string;
  seq: number;
}

export interface Resync {
  reason: string;
  /** Only in the last part. */
  seq?: number;
}

export type Refreshed = { ok: true; expiresAt: string } | { ok: false; message: string };

export interface ServerEvents {
  "connection:ack": (ack: ConnectionAck) => void;
  "sensor:readings:batch": (batch: ReadingsBatch) => void;
  "alert:triggered": (alert: AlertEvent) => void;
  "alert:escalated": (alert: AlertEvent) => void;
  "alert:acknowledged": (alert: AlertEvent) => void;
  "alert:resolved": (alert: AlertEvent) => void;
  "unit:state:changed": (change: UnitState) => void;
  "unit:status:changed": (change: UnitState) => void;
  "auth:expiring": (notice: { expiresAt: string }) => void;
  resync: (resync: Resync) => void;
}

export interface ClientEvents {
  "auth:refresh": (argument: { token: string }, answer: (result: Refreshed) => void) => void;
}
