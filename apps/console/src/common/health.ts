import type { LineStatus } from '@plumbline/contract';
import type { Alarm, AlarmKind, Priority } from './alarms.js';

/** An analogue bar: pointer and normal band as shares of the track. Colour comes from a present alarm, not from here. */
export interface Analogue {
  value: number;
  bandLo: number;
  bandHi: number;
}

/** Full scale and end of the normal band of each bar. */
const SCALE = {
  latencyMs: { full: 250, normal: 150 },
  droppedShare: { full: 0.02, normal: 0.005 },
  outboxDepth: { full: 1000, normal: 300 },
  /** Camera rate against the highest rate seen: below 85 % is outside the band. */
  rateShare: { full: 1.2, normal: 0.85 },
} as const;

const share = (value: number) => Math.min(1, Math.max(0, value));

/** @param peakFps highest rate since the page opened; the rate that the line is set to is not on the wire */
export function cameraRate(framesPerSecond: number, peakFps: number): Analogue {
  const { full, normal } = SCALE.rateShare;
  const relative = peakFps > 0 ? framesPerSecond / peakFps : 0;
  return { value: share(relative / full), bandLo: normal / full, bandHi: 1.1 / full };
}

export function latency(p95Ms: number): Analogue {
  const { full, normal } = SCALE.latencyMs;
  return { value: share(p95Ms / full), bandLo: 0, bandHi: normal / full };
}

export function droppedFrames(status: LineStatus): { count: number; bar: Analogue } {
  const count = Object.values(status.counts.dropped).reduce((sum, n) => sum + n, 0);
  const lost = status.counts.frames > 0 ? count / status.counts.frames : 0;
  const { full, normal } = SCALE.droppedShare;
  return { count, bar: { value: share(lost / full), bandLo: 0, bandHi: normal / full } };
}

export function outboxDepth(depth: number): Analogue {
  const { full, normal } = SCALE.outboxDepth;
  return { value: share(depth / full), bandLo: 0, bandHi: normal / full };
}

/** Share of its disk that the store uses, of the space it could use; null when the daemon cannot tell. */
export function diskShare(disk: LineStatus['disk']): number | null {
  if (disk.freeBytes === null || disk.usedByStoreBytes === null) return null;
  const room = disk.freeBytes + disk.usedByStoreBytes;
  return room > 0 ? disk.usedByStoreBytes / room : null;
}

export type Reading = 'camera' | 'latency' | 'dropped' | 'outbox' | 'broker' | 'disk';

/** The reading that each kind of alarm marks in the bottom bar; a kind without an entry marks none. */
const READING_OF: Partial<Record<AlarmKind, Reading>> = {
  camera: 'camera',
  runtimeOffline: 'latency',
  broker: 'outbox',
  store: 'outbox',
  overrun: 'dropped',
  disk: 'disk',
};

/** Priority that marks a reading: the highest of the present alarms that stand for it; null leaves it grey. */
export function readingPriority(alarms: readonly Alarm[], reading: Reading): Priority | null {
  const own = alarms.filter((alarm) => READING_OF[alarm.kind] === reading).map((alarm) => alarm.priority);
  return own.length === 0 ? null : (Math.min(...own) as Priority);
}
