/** The newest state and the last readings of each unit, with their age. */

import type { BatchReading, ReadingsBatch, UnitChanged } from "./events.js";

const READINGS_KEPT = 100;

export interface UnitView {
  state: string | undefined;
  readings: readonly BatchReading[];
}

export class Cache {
  readonly #units = new Map<string, { state: string | undefined; readings: BatchReading[] }>();

  append(batch: ReadingsBatch): void {
    const unit = this.#unit(batch.unitId);
    const known = new Set(unit.readings.map((reading) => reading.id));
    unit.readings.push(...batch.readings.filter((reading) => !known.has(reading.id)));
    unit.readings.sort((a, b) => Date.parse(a.recordedAt) - Date.parse(b.recordedAt));
    unit.readings.splice(0, Math.max(0, unit.readings.length - READINGS_KEPT));
  }

  change(change: UnitChanged): void {
    if (change.unitId !== null) this.#unit(change.unitId).state = change.newState;
  }

  view(unitId: string): UnitView | undefined {
    return this.#units.get(unitId);
  }

  clear(): void {
    this.#units.clear();
  }

  #unit(id: string): { state: string | undefined; readings: BatchReading[] } {
    let unit = this.#units.get(id);
    if (unit === undefined) {
      unit = { state: undefined, readings: [] };
      this.#units.set(id, unit);
    }
    return unit;
  }
}
