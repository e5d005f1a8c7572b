import {
  type FeedPictureHeader,
  feedPictureHeaderSchema,
  type LineStatus,
  lineStatusSchema,
  type WireDetection,
} from '@plumbline/contract';
import sharp from 'sharp';

/** Test data, checked against the contract's own schemas: a change of the contract breaks it here. */

export const CLASSES = ['open', 'short', 'mousebite', 'spur', 'spurious copper', 'pin-hole'] as const;

type StatusPatch = {
  [K in keyof LineStatus]?: LineStatus[K] extends object | null
    ? Partial<LineStatus[K]> | LineStatus[K]
    : LineStatus[K];
};

/** A line that runs well; nested objects of the patch are merged, lists replaced. */
export function makeStatus(patch: StatusPatch = {}): LineStatus {
  const nowMs = Date.now();
  const minute = Math.floor(nowMs / 60_000) * 60_000;
  const base: LineStatus = {
    lineId: 'line-3-aoi-2',
    nowMs,
    startedAtMs: nowMs - 3_600_000,
    state: 'running',
    demo: false,
    recipe: { id: 'pcb-a7-top', configurationId: 'r-0192' },
    model: {
      id: 'decoupled-rcnn-pcb',
      version: '2.3.1',
      sha256: '9f3ac1e7'.padEnd(64, '0'),
      executionProvider: 'cpu',
      classes: [...CLASSES],
      scoreThreshold: 0.5,
    },
    counts: { frames: 4824, inspected: 4812, ok: 4629, notOk: 171, notDecidable: 12, triggerErrors: 0, dropped: {} },
    yieldTarget: 0.975,
    pareto: [
      { class: 'open', count: 96 },
      { class: 'mousebite', count: 54 },
      { class: 'short', count: 41 },
      { class: 'spur', count: 27 },
      { class: 'pin-hole', count: 19 },
      { class: 'spurious copper', count: 12 },
    ],
    yieldTrend: Array.from({ length: 60 }, (_, i) => ({
      minuteMs: minute - (59 - i) * 60_000,
      total: 80,
      ok: 78 + ((i * 7) % 3) - (i > 45 ? 2 : 0),
    })),
    camera: { state: 'up', framesPerSecond: 29.8, id: '1' },
    latencyMs: { p50: 30, p95: 41, p99: 60 },
    outbox: { depth: 12, lastSeq: '4812', epoch: '3', oldestAgeMs: 900, published: 4800 },
    broker: { state: 'connected', url: 'mqtt://127.0.0.1:1883', sinceMs: nowMs - 3_600_000, protocol: '5' },
    disk: { freeBytes: 78e9, usedByStoreBytes: 1e9 },
    problems: [],
  };
  const merged: Record<string, unknown> = { ...base };
  for (const [key, change] of Object.entries(patch)) {
    const isPlain = typeof change === 'object' && change !== null && !Array.isArray(change);
    merged[key] = isPlain ? { ...(merged[key] as object), ...change } : change;
  }
  return lineStatusSchema.parse(merged);
}

/** The same line later: what lies by the minute moves on with the clock, as a running line's does. */
export function atTime(status: LineStatus, nowMs: number): LineStatus {
  const passedMs = 60_000 * (Math.floor(nowMs / 60_000) - Math.floor(status.nowMs / 60_000));
  const yieldTrend = status.yieldTrend.map((entry) => ({ ...entry, minuteMs: entry.minuteMs + passedMs }));
  return { ...status, nowMs, yieldTrend };
}

export function makeDetection(
  detectionId: number,
  name: (typeof CLASSES)[number],
  confidence: number,
  [x, y, width, height]: readonly [number, number, number, number],
): WireDetection {
  return { detectionId, classId: CLASSES.indexOf(name), class: name, confidence, bbox: { x, y, width, height } };
}

/** Boxes of the drawn board, in its 640 x 640 px; the last is below the threshold. */
export const BOARD_DETECTIONS: readonly WireDetection[] = [
  makeDetection(0, 'open', 0.98, [162, 397, 81, 39]),
  makeDetection(1, 'short', 0.97, [296, 102, 81, 39]),
  makeDetection(2, 'pin-hole', 0.94, [378, 285, 41, 47]),
  makeDetection(3, 'spurious copper', 0.91, [231, 463, 39, 44]),
  makeDetection(4, 'spur', 0.88, [207, 275, 40, 48]),
  makeDetection(5, 'spur', 0.83, [405, 386, 36, 36]),
  makeDetection(6, 'mousebite', 0.71, [308, 334, 52, 81]),
  makeDetection(7, 'pin-hole', 0.34, [430, 105, 32, 28]),
];

let serial = 0;

/** Header of a feed picture captured now; ids are new on every call. */
export function makeHeader(patch: Partial<FeedPictureHeader> = {}): FeedPictureHeader {
  serial += 1;
  return feedPictureHeaderSchema.parse({
    type: 'frame',
    frameId: `f-${184_000 + serial}`,
    cameraId: '1',
    resultId: `01990000-0000-7000-8000-${String(serial).padStart(12, '0')}`,
    seq: String(4812 + serial),
    capturedAtMs: Date.now(),
    image: { width: 640, height: 640 },
    preview: { width: 640, height: 640 },
    resultState: 1,
    resultEvaluation: 1,
    processingMs: 38,
    detections: [],
    ...patch,
  });
}

/** A JPEG of one colour with a few dark traces, so that a picture can be told from an empty canvas. */
export async function makeJpeg(
  color: string,
  { width = 640, height = 640 }: { width?: number; height?: number } = {},
): Promise<Uint8Array> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">
    <rect width="100%" height="100%" fill="${color}"/></svg>`;
  return new Uint8Array(await sharp(Buffer.from(svg)).jpeg({ quality: 90, chromaSubsampling: '4:4:4' }).toBuffer());
}

/** A drawn board: copper on black with gaps. */
export async function makeBoardJpeg(): Promise<Uint8Array> {
  const traces = Array.from(
    { length: 6 },
    (_, i) => `<rect x="${40 + i * 100}" y="0" width="52" height="640" fill="#fff"/>`,
  );
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="640"><rect width="640" height="640" fill="#000"/>
    ${traces.join('')}<path d="M162 410l40 -8 41 20" stroke="#000" stroke-width="9"/></svg>`;
  return new Uint8Array(await sharp(Buffer.from(svg)).jpeg({ quality: 90 }).toBuffer());
}
