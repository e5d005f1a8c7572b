import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LineStatus } from '@plumbline/contract';
import { silentLogger } from '@plumbline/core/log';
import { createDaemon, type Daemon, type DaemonOptions, loadLine } from '@plumbline/daemon';
import type { DetectionResult, Detector, DetectorOptions } from '@plumbline/runtime/detector';
import sharp from 'sharp';

/** A detector that finds one `open` in every picture whose first pixel is red: its verdicts can be foreseen. */
export function redDetector(beforeResult: () => Promise<void> | void = () => {}): Detector {
  return {
    info: {
      id: 'red-finder',
      version: '1.0.0',
      sha256: 'ab'.repeat(32),
      classes: ['open', 'short'],
      scoreThreshold: 0.05,
      executionProvider: 'cpu',
      providerAttempts: [],
      threads: 1,
      networkSizeHw: [32, 32],
      frameSizeHw: [32, 32],
    },
    async detect(image): Promise<DetectionResult> {
      // The blank warm-up frame of the start is not a part.
      if (image.data.some((value) => value > 0)) await beforeResult();
      const isRed = image.data[0]! > 128;
      return {
        detections: isRed ? [{ classId: 0, className: 'open', score: 0.9, boxXyxy: [4, 6, 14, 26] }] : [],
        timingsMs: { preprocess: 0.1, inference: 1, postprocess: 0.1 },
        image,
      };
    },
    async dispose() {},
  };
}

export interface LineFolder {
  dir: string;
  lineFile: string;
  storeDir: string;
  images: string;
  /** Replaces text in line.yaml. */
  edit(from: string, to: string): Promise<void>;
  remove(): Promise<void>;
}

/** A folder with a line.yaml and four pictures of 40 x 30: red, green, red, green. */
export async function createLineFolder(brokerUrl: string, framesPerSecond = 40): Promise<LineFolder> {
  const dir = await mkdtemp(join(tmpdir(), 'plumbline-line-'));
  const images = join(dir, 'images');
  const lineFile = join(dir, 'line.yaml');
  await mkdir(images);
  for (let i = 0; i < 4; i++) {
    const background = i % 2 === 0 ? { r: 250, g: 0, b: 0 } : { r: 0, g: 250, b: 0 };
    await sharp({ create: { width: 40, height: 30, channels: 3, background } })
      .png()
      .toFile(join(images, `${i}.png`));
  }
  await writeFile(
    lineFile,
    `id: pcb-1
source: { kind: images, path: ./images, framesPerSecond: ${framesPerSecond}, loop: true }
model: ./model
rules:
  - { name: any-defect, when: { anyOf: ['*'], minScore: 0.5 }, verdict: NotOK }
publish:
  - { kind: mqtt, url: '${brokerUrl}', topic: acme/berlin/smt/line1/aoi }
store: ./data
api: { host: 127.0.0.1, port: 0 }
`,
  );
  return {
    dir,
    lineFile,
    images,
    storeDir: join(dir, 'data'),
    edit: async (from, to) => {
      const text = await readFile(lineFile, 'utf8');
      if (!text.includes(from)) throw new Error(`line.yaml has no "${from}"`);
      await writeFile(lineFile, text.replace(from, to));
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}

/** A daemon of that folder with the foreseeable detector. */
export function buildDaemon(
  folder: LineFolder,
  options: Partial<DaemonOptions> = {},
  createDetector: (options: DetectorOptions) => Promise<Detector> = async () => redDetector(),
): Daemon {
  return createDaemon({ setup: loadLine(folder.lineFile), logger: silentLogger, ...options }, { createDetector });
}

/** Waits until the status fulfils a condition. @throws when it does not within the time */
export async function untilStatus(
  daemon: Daemon,
  condition: (status: LineStatus) => boolean,
  timeoutMs = 10_000,
): Promise<LineStatus> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const status = daemon.status();
    if (condition(status)) return status;
    if (Date.now() > deadline) throw new Error(`the status did not come: ${JSON.stringify(status)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
