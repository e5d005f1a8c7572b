import type { CapturedFrame, FrameSource } from '@plumbline/edge/capture';
import { describe, expect, it } from 'vitest';

/** What a backend gives to run the suite; `create` makes a source of `frameCount` frames that then ends. */
export interface FrameSourceCase {
  name: string;
  frameCount: number;
  create(): FrameSource | Promise<FrameSource>;
  /** A source that can never be opened, and the code it says so with. */
  createLost(): FrameSource | Promise<FrameSource>;
  lostCode: string;
}

const never = new AbortController().signal;

async function collect(source: FrameSource, limit = Number.POSITIVE_INFINITY): Promise<CapturedFrame[]> {
  const frames: CapturedFrame[] = [];
  for await (const frame of source.frames(never)) {
    frames.push(frame);
    if (frames.length >= limit) break;
  }
  return frames;
}

/** The promises of `FrameSource`, for every backend. */
export function frameSourceContract(backend: FrameSourceCase): void {
  describe(`FrameSource: ${backend.name}`, () => {
    it('yields every frame and ends', async () => {
      expect(await collect(await backend.create())).toHaveLength(backend.frameCount);
    });

    it('gives frames whose pixels fit their size', async () => {
      for (const frame of await collect(await backend.create())) {
        expect(frame.format).toBe('rgb8');
        expect(frame.width * frame.height).toBeGreaterThan(0);
        expect(frame.data.length).toBe(frame.width * frame.height * 3);
      }
    });

    it('numbers frames without a gap and stamps them in time', async () => {
      const frames = await collect(await backend.create());
      expect(frames.map((f) => f.seq)).toEqual(frames.map((_, i) => i));
      expect(new Set(frames.map((f) => f.frameId)).size).toBe(frames.length);
      for (let i = 1; i < frames.length; i++) {
        expect(frames[i]!.hostMonoNs).toBeGreaterThan(frames[i - 1]!.hostMonoNs);
      }
      for (const frame of frames) {
        expect(Math.abs(Date.now() - frame.capturedAtMs)).toBeLessThan(60_000);
        expect(frame.acquisitionMs).toBeGreaterThanOrEqual(0);
      }
    });

    it('keeps counting in a second session', async () => {
      const source = await backend.create();
      await collect(source, 2);
      const again = await collect(source, 1);
      expect(again[0]).toMatchObject({ seq: 2, session: 2 });
    });

    it('returns when the signal is aborted', async () => {
      const source = await backend.create();
      const abort = new AbortController();
      let count = 0;
      for await (const _frame of source.frames(abort.signal)) {
        count += 1;
        abort.abort();
      }
      expect(count).toBe(1);
    });

    it('uses released buffers again', async () => {
      const source = await backend.create();
      const buffers = new Set<ArrayBuffer>();
      for (let round = 0; round < 5; round++) {
        for await (const frame of source.frames(never)) {
          buffers.add(frame.data.buffer);
          source.release(frame.data);
        }
      }
      expect(buffers.size).toBeLessThan(backend.frameCount * 5);
    });

    it(`throws ${backend.lostCode} when it cannot be opened, each time`, async () => {
      const source = await backend.createLost();
      await expect(collect(source)).rejects.toMatchObject({ code: backend.lostCode });
      await expect(collect(source)).rejects.toMatchObject({ code: backend.lostCode });
    });
  });
}
