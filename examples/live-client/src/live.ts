/** The connection: fresh tokens, resuming, and an honest indicator. */

import { io, type Socket } from "socket.io-client";
import { Cache } from "./cache.js";
import type { AlertAcknowledged, AlertEscalated, AlertResolved, AlertTriggered, ClientEvents, ServerEvents } from "./events.js";

const YELLOW_AFTER_MS = 500;
const SILENT_AFTER_MS = 45_000;
const TOASTS_MAX = 5;
const TOAST_MS = { critical: 10_000, other: 5_000 };

type AlertEvent = AlertTriggered | AlertEscalated | AlertAcknowledged | AlertResolved;

export type Indicator = "green" | "yellow" | "red";

export interface Toast {
  /** The same event has the same id, so replays and other tabs do not repeat it. */
  id: string;
  text: string;
  milliseconds: number;
}

export interface Page {
  /** Asked again on every connect. */
  token(): Promise<string>;
  indicator(colour: Indicator, error: string | undefined): void;
  toast(toast: Toast): void;
  /** Lists of alerts are no longer right. */
  alertsChanged(): void;
  /** What was missed is unknown: fetch everything again. */
  refetch(): void;
}

export class Live {
  readonly cache = new Cache();
  readonly #page: Page;
  readonly #socket: Socket<ServerEvents, ClientEvents>;
  readonly #shown = new Map<string, number>();
  #lastSeq: number | undefined;
  #epoch: string | undefined;
  #heard = 0;
  #tokenless = false;
  #again: ReturnType<typeof setTimeout> | undefined;
  #yellow: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, organizationId: string, page: Page) {
    this.#page = page;
    this.#socket = io(url, {
      autoConnect: false,
      transports: ["websocket"],
      reconnectionAttempts: Number.POSITIVE_INFINITY,
      reconnectionDelay: 1_000,
      reconnectionDelayMax: 10_000,
      randomizationFactor: 0.5,
      auth: (answer) => {
        page.token().then(
          (token) => answer({ token, organizationId, lastSeq: this.#lastSeq, epoch: this.#epoch }),
          // Without a token the server refuses, and the indicator tells why; it is tried again.
          () => {
            this.#tokenless = true;
            answer({ organizationId });
          },
        );
      },
    });
    this.#mount();
  }

  start(): void {
    this.#wait();
    this.#socket.connect();
  }

  /** At logout: nothing is heard any more, and nothing is kept. */
  stop(): void {
    clearTimeout(this.#yellow);
    clearTimeout(this.#again);
    this.#socket.off();
    this.#socket.offAny();
    this.#socket.io.off();
    this.#socket.disconnect();
    this.cache.clear();
  }

  /** Whether values may be shown as current; otherwise they are shown with their age. */
  isCurrent(now: number = Date.now()): boolean {
    return this.#socket.connected && now - this.#heard < SILENT_AFTER_MS;
  }

  #mount(): void {
    const socket = this.#socket;
    socket.io.on("ping", () => (this.#heard = Date.now()));
    socket.io.on("reconnect_attempt", () => this.#wait());
    socket.onAny((_name: string, payload: { seq?: unknown } | undefined) => {
      this.#heard = Date.now();
      if (typeof payload?.seq === "number") this.#lastSeq = Math.max(this.#lastSeq ?? 0, payload.seq);
    });
    socket.on("connect", () => this.#show("green", undefined));
    socket.on("disconnect", (reason) => this.#show("red", reason));
    socket.on("connect_error", (error) => {
      this.#show("red", error.message);
      // A refusal ends the client's own attempts; an ended or a late token is no reason to give up.
      if (socket.active || (error.message !== "Token expired" && !this.#tokenless)) return;
      this.#tokenless = false;
      this.#wait();
      this.#again = setTimeout(() => socket.connect(), 1_000);
    });
    socket.on("connection:ack", (ack) => {
      this.#lastSeq = ack.seq;
      this.#epoch = ack.epoch;
    });
    socket.on("resync", (resync) => {
      if (resync.seq !== undefined) this.#lastSeq = resync.seq;
      this.cache.clear();
      this.#page.refetch();
    });
    socket.on("auth:expiring", () => void this.#refresh());
    socket.on("sensor:readings:batch", (batch) => this.cache.append(batch));
    socket.on("unit:state:changed", (change) => this.cache.change(change));
    socket.on("unit:status:changed", (change) => this.cache.change(change));
    for (const name of ["triggered", "escalated", "acknowledged", "resolved"] as const) {
      socket.on(`alert:${name}`, (alert: AlertEvent) => this.#alert(name, alert));
    }
  }

  async #refresh(): Promise<void> {
    let token: string;
    try {
      token = await this.#page.token();
    } catch {
      return; // The old one goes on to its end; the reconnect then asks again.
    }
    this.#socket.emit("auth:refresh", { token }, (result) => {
      if (!result.ok) this.#page.indicator("green", result.message);
    });
  }

  #alert(name: string, alert: AlertEvent): void {
    this.#page.alertsChanged();
    const now = Date.now();
    for (const [id, until] of this.#shown) if (until < now) this.#shown.delete(id);
    const id = `alert-${alert.alertId}-${name}`;
    if (this.#shown.has(id) || this.#shown.size >= TOASTS_MAX) return;
    const milliseconds = "severity" in alert && alert.severity === "critical" ? TOAST_MS.critical : TOAST_MS.other;
    this.#shown.set(id, now + milliseconds);
    this.#page.toast({ id, text: "message" in alert ? alert.message : `Alert ${name}`, milliseconds });
  }

  /** Yellow only after a while, so that a short drop does not flicker. */
  #wait(): void {
    clearTimeout(this.#yellow);
    this.#yellow = setTimeout(() => this.#page.indicator("yellow", undefined), YELLOW_AFTER_MS);
  }

  #show(colour: Indicator, error: string | undefined): void {
    clearTimeout(this.#yellow);
    if (colour === "green") this.#heard = Date.now();
    this.#page.indicator(colour, error);
  }
}
