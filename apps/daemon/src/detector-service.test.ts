import type { PlumblineError } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import { silentLogger } from '@plumbline/core/log';
import type { Detector } from '@plumbline/runtime/detector';
import { describe, expect, it } from 'vitest';
import { DetectorService, type DetectorServiceOptions } from './detector-service.js';

const image: ImageRgb = { width: 1, height: 1, data: new Uint8Array(3) };
const never = new AbortController().signal;
const waitFor = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
};

/** Only `image` goes through `detect`; the warm-up frame of the start always works. */
function fakeDetector(detect: () => Promise<void>): Detector & { disposed: number } {
  return {
    disposed: 0,
    info: {
      id: 'm',
      version: '1',
      sha256: 'ab',
      classes: ['open'],
      scoreThreshold: 0.05,
      executionProvider: 'cpu',
      providerAttempts: [],
      threads: 1,
      networkSizeHw: [1, 1],
      frameSizeHw: [1, 1],
    },
    async detect(given) {
      if (given === image) await detect();
      return { detections: [], timingsMs: { preprocess: 0, inference: 0, postprocess: 0 }, image: given };
    },
    async dispose() {
      this.disposed += 1;
    },
  };
}

function build(create: () => Promise<Detector>, over: Partial<DetectorServiceOptions> = {}) {
  const calls: string[] = [];
  const service = new DetectorService({
    modelDir: '/m',
    create,
    check: () => {},
    logger: silentLogger,
    onDown: (error) => calls.push(`down ${(error as PlumblineError).code}`),
    onUp: () => calls.push('up'),
    timeoutMs: 20,
    ...over,
  });
  return { service, calls };
}

describe('DetectorService', () => {
  it('disposes of a detector that the line cannot work with', async () => {
    const detector = fakeDetector(async () => {});
    const { service } = build(async () => detector, {
      check: () => {
        throw new Error('class unknown');
      },
    });
    await expect(service.start(never)).rejects.toThrow('class unknown');
    expect(detector.disposed).toBe(1);
  });

  it('disposes of the detector when it was stopped while the model loaded', async () => {
    const detector = fakeDetector(async () => {});
    const abort = new AbortController();
    const { service } = build(async () => {
      abort.abort();
      return detector;
    });
    await expect(service.start(abort.signal)).rejects.toThrow(/abort/i);
    expect(detector.disposed).toBe(1);
  });

  it('fails a frame that takes too long and replaces the detector', async () => {
    let created = 0;
    const { service, calls } = build(async () =>
      ++created === 1 ? fakeDetector(() => new Promise(() => {})) : fakeDetector(async () => {}),
    );
    await service.start(never);
    await expect(service.detect(image)).rejects.toMatchObject({ code: 'PLB_DAEMON_DETECT_TIMEOUT' });
    await waitFor(() => calls.includes('up'));
    expect(calls).toEqual(['down PLB_DAEMON_DETECTOR_DOWN', 'up']);
    expect((await service.detect(image)).image).toBe(image);
    await service.stop();
  });

  it('replaces a detector after three failures in a row, and rejects at once meanwhile', async () => {
    let created = 0;
    let release!: (detector: Detector) => void;
    const second = new Promise<Detector>((resolve) => (release = resolve));
    const { service, calls } = build(() =>
      ++created === 1 ? Promise.resolve(fakeDetector(() => Promise.reject(new Error('bad')))) : second,
    );
    await service.start(never);
    for (let i = 0; i < 3; i++) await expect(service.detect(image)).rejects.toThrow('bad');
    await expect(service.detect(image)).rejects.toMatchObject({ code: 'PLB_DAEMON_DETECTOR_DOWN' });
    expect(service.health()).toMatchObject({ state: 'degraded' });
    release(fakeDetector(async () => {}));
    await waitFor(() => calls.includes('up'));
    expect(service.health()).toEqual({ state: 'ok' });
    await service.stop();
  });

  it('does not replace after failures with a success between them', async () => {
    let count = 0;
    const { service, calls } = build(async () =>
      fakeDetector(() => (++count % 3 === 0 ? Promise.resolve() : Promise.reject(new Error('bad')))),
    );
    await service.start(never);
    for (let i = 0; i < 9; i++) await service.detect(image).catch(() => {});
    expect(calls).toEqual([]);
    await service.stop();
  });

  it('waits in stop for a lost detector that does not let go, so that its time-out is noticed', async () => {
    let created = 0;
    let letGo!: () => void;
    const hanging = fakeDetector(() => new Promise(() => {}));
    hanging.dispose = () => new Promise((resolve) => (letGo = resolve));
    const { service, calls } = build(async () => (++created === 1 ? hanging : fakeDetector(async () => {})));
    await service.start(never);
    await service.detect(image).catch(() => {});
    await waitFor(() => calls.includes('up'));
    let hasStopped = false;
    const stopping = service.stop().then(() => (hasStopped = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(hasStopped).toBe(false);
    letGo();
    await stopping;
  });

  it('may be stopped before start and twice', async () => {
    const { service } = build(async () => fakeDetector(async () => {}));
    await service.stop();
    await service.stop();
    await expect(service.start(never)).rejects.toThrow(/abort/i);
  });
});
