import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { WorkerDetector } from './worker-detector.js';

/** A thread that speaks the protocol: it echoes frames, and ends without an answer on a frame 13 px wide. */
const body = `
const { parentPort } = require('node:worker_threads');
parentPort.on('message', (message) => {
  if (message.kind === 'dispose') return parentPort.close();
  if (message.width === 13) throw new Error('out of luck');
  if (message.width === 14) process.exit(7);
  if (message.width === 15) {
    const error = { code: 'PLB_RUNTIME_IMAGE_INVALID', params: { width: 15, height: 1, bytes: 0 } };
    return parentPort.postMessage({ kind: 'error', id: message.id, error });
  }
  const { width, height, data } = message;
  const timingsMs = { preprocess: 0, inference: 1, postprocess: 0 };
  const result = { detections: [], timingsMs, image: { width, height, data } };
  setTimeout(() => parentPort.postMessage({ kind: 'result', id: message.id, result }, [data.buffer]), 5);
});
parentPort.postMessage({ kind: 'ready', info: { id: 'fake' } });
`;

function openFake(source = body) {
  let started = 0;
  const detector = WorkerDetector.open(() => {
    started++;
    return new Worker(source, { eval: true });
  });
  return { detector, started: () => started };
}

const image = (width: number) => ({ width, height: 1, data: new Uint8Array(3 * width) });

describe('WorkerDetector', () => {
  it.each([
    { title: 'throws', width: 13, reason: 'out of luck' },
    { title: 'exits', width: 14, reason: 'exit code 7' },
  ])(
    'rejects the frames in flight when the worker $title, and starts another for the next frame',
    async ({ width, reason }) => {
      const { detector: opening, started } = openFake();
      const detector = await opening;
      const inFlight = [detector.detect(image(width)), detector.detect(image(2))];
      const settled = await Promise.allSettled(inFlight);
      expect(settled[0]).toMatchObject({ reason: { code: 'PLB_RUNTIME_WORKER_CRASHED', params: { reason } } });
      expect(settled[1]).toMatchObject({ reason: { code: 'PLB_RUNTIME_WORKER_CRASHED' } });
      expect((await detector.detect(image(4))).image.width).toBe(4);
      expect(started()).toBe(2);
      await detector.dispose();
    },
  );

  it('passes a coded error of the worker on with its values', async () => {
    const detector = await openFake().detector;
    const expected = { code: 'PLB_RUNTIME_IMAGE_INVALID', params: { width: 15 } };
    await expect(detector.detect(image(15))).rejects.toMatchObject(expected);
    await detector.dispose();
  });

  it('transfers the pixels to the worker and hands the same bytes back', async () => {
    const detector = await openFake().detector;
    const sent = image(3);
    const running = detector.detect(sent);
    await Promise.resolve();
    const result = await running;
    expect(sent.data.length).toBe(0);
    expect(result.image.data).toEqual(new Uint8Array(9));
    await detector.dispose();
  });

  it('answers the frames in flight before it ends', async () => {
    const detector = await openFake().detector;
    const running = [1, 2].map((width) => detector.detect(image(width)));
    await Promise.resolve();
    const ended = detector.dispose();
    expect(await Promise.allSettled(running)).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    await ended;
    await expect(detector.detect(image(1))).rejects.toMatchObject({ code: 'PLB_RUNTIME_DETECTOR_DISPOSED' });
  });

  it('fails to open with a code when the worker ends before it is ready', async () => {
    await expect(openFake('process.exit(3)').detector).rejects.toMatchObject({ code: 'PLB_RUNTIME_WORKER_CRASHED' });
  });
});
