import type { RuleConfig, VisionResult } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import type { CapturedFrame, FrameSource } from '../capture/index.js';
import type { Inspection } from '../inspection.js';
import { type FrameDetector, InspectionPipeline, type PipelineDependencies } from './inspection-pipeline.js';
import type { InspectedFrame, PipelineObserver } from './observer.js';

const rules: RuleConfig[] = [{ name: 'any', when: { anyOf: ['*'], minScore: 0.5 }, verdict: 'NotOK' }];
const job = { sourceId: 's', jobId: 'j', recipeId: 'r', configurationId: 'c', isSimulated: true };
/** The stored record, as far as a pipeline looks at it. */
const body = (seq: string) => ({ seq }) as VisionResult;
const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Delivers `count` frames of one pixel as fast as they are read; the pixel holds the frame's number. */
function source(count: number, released: number[] = []): FrameSource {
  return {
    cameraId: 'cam',
    framesPerSecond: null,
    async *frames(signal) {
      for (let seq = 0; seq < count && !signal.aborted; seq++) {
        await tick();
        if (signal.aborted) return;
        yield {
          frameId: `${seq}`,
          cameraId: 'cam',
          seq,
          session: 1,
          format: 'rgb8',
          capturedAtMs: Date.now(),
          hostMonoNs: process.hrtime.bigint(),
          acquisitionMs: 1,
          width: 1,
          height: 1,
          data: new Uint8Array([seq, 0, 0]),
        } satisfies CapturedFrame;
      }
    },
    release: (data) => released.push(data[0]!),
  };
}

/** Finds a defect on odd frames. */
const detector = (beforeResult: (seq: number) => Promise<void> | void = () => {}): FrameDetector => ({
  info: { id: 'm', version: '1', sha256: 'ab' },
  async detect(image) {
    const seq = image.data[0]!;
    await beforeResult(seq);
    const detections =
      seq % 2 === 1 ? [{ classId: 0, className: 'open', score: 0.9, boxXyxy: [0, 0, 1, 1] as const }] : [];
    return { detections, timingsMs: { preprocess: 1, inference: 2, postprocess: 3 }, image };
  },
});

class Recorder implements PipelineObserver {
  inspectedFrames: InspectedFrame[] = [];
  drops: string[] = [];
  calls: string[] = [];
  stages = new Set<string>();
  frameArrived() {}
  frameSkipped() {}
  frameDropped(reason: string) {
    this.drops.push(reason);
  }
  inspected(frame: InspectedFrame) {
    this.inspectedFrames.push(frame);
  }
  stageTaken(stage: string) {
    this.stages.add(stage);
  }
  cameraUp() {
    this.calls.push('up');
  }
  cameraDown(error: Error) {
    this.calls.push(`down ${error.message}`);
  }
  sourceEnded() {
    this.calls.push('ended');
  }
  inspectionFailed(error: unknown) {
    this.calls.push(`failed ${(error as Error).message}`);
  }
  storeFailed() {
    this.calls.push('store failed');
  }
  storeWorks() {
    this.calls.push('store works');
  }
}

function build(over: Partial<PipelineDependencies>) {
  const observer = new Recorder();
  const stored: Inspection[] = [];
  const sink = {
    append: async (inspection: Inspection) => {
      stored.push(inspection);
      return { body: body(String(stored.length)) };
    },
  };
  const pipeline = new InspectionPipeline({
    source: source(4),
    detector: detector(),
    sink,
    rules,
    job,
    observer,
    isLossless: true,
    ...over,
  });
  return { pipeline, observer, stored };
}

const run = async (pipeline: InspectionPipeline) => {
  await pipeline.start(new AbortController().signal);
  await pipeline.ended;
};
const evaluations = (stored: Inspection[]) =>
  stored.map(({ outcome }) => (outcome.state === 'completed' ? outcome.evaluation : outcome.state));

describe('InspectionPipeline', () => {
  it('stores one verdict per frame, in order, and times every stage', async () => {
    const { pipeline, observer, stored } = build({});
    await run(pipeline);
    expect(evaluations(stored)).toEqual(['OK', 'NotOK', 'OK', 'NotOK']);
    expect(stored.map((i) => i.frame.frameId)).toEqual(['0', '1', '2', '3']);
    expect(observer.inspectedFrames.map((f) => [f.result.seq, f.counted.length])).toEqual([
      ['1', 0],
      ['2', 1],
      ['3', 0],
      ['4', 1],
    ]);
    expect([...observer.stages].sort()).toEqual([
      'acquire',
      'decide',
      'inference',
      'postprocess',
      'preprocess',
      'store',
      'wait',
    ]);
    expect(observer.calls).toEqual(['up', 'ended']);
  });

  it('hands every pixel buffer back once the observer has released it', async () => {
    const released: number[] = [];
    const { pipeline } = build({ source: source(5, released) });
    await run(pipeline);
    expect(released).toEqual([0, 1, 2, 3, 4]);
  });

  it('stores a failed inspection when the detector throws, so that the part cannot pass silently', async () => {
    const { pipeline, observer, stored } = build({
      detector: detector((seq) => {
        if (seq === 1) throw new Error('worker died');
      }),
    });
    await run(pipeline);
    expect(evaluations(stored)).toEqual(['OK', 'failed', 'OK', 'NotOK']);
    expect(stored[1]!.outcome).toEqual({ state: 'failed', code: 'PLB_UNEXPECTED', message: 'worker died' });
    expect(observer.calls).toContain('failed worker died');
  });

  it('drops and counts the oldest frames when the detector is slower than the source', async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { pipeline, observer, stored } = build({
      source: source(10),
      isLossless: false,
      detector: detector((seq) => (seq === 0 ? gate : undefined)),
    });
    await pipeline.start(new AbortController().signal);
    while (observer.drops.length < 6) await tick();
    open();
    await pipeline.ended;
    expect(stored.map((i) => i.frame.frameId)).toEqual(['0', '7', '8', '9']);
    expect(observer.drops).toEqual(Array(6).fill('overrun'));
  });

  it('inspects and stores the frames in flight when it is stopped, and may be stopped twice', async () => {
    let open!: () => void;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const { pipeline, stored } = build({
      source: source(1000),
      isLossless: false,
      detector: detector((seq) => (seq === 0 ? gate : undefined)),
    });
    await pipeline.start(new AbortController().signal);
    for (let i = 0; i < 20; i++) await tick();
    const stopping = Promise.all([pipeline.stop(), pipeline.stop()]);
    open();
    await stopping;
    expect(stored).toHaveLength(4); // one in the detector, three in the mailbox
    await pipeline.stop();
  });

  it('tries again until the store takes the verdict', async () => {
    let failures = 2;
    const stored: Inspection[] = [];
    const { pipeline, observer } = build({
      source: source(1),
      sink: {
        append: async (inspection) => {
          if (failures-- > 0) throw new Error('disk full');
          stored.push(inspection);
          return { body: body('1') };
        },
      },
    });
    await run(pipeline);
    expect(stored).toHaveLength(1);
    expect(observer.calls).toEqual(['up', 'ended', 'store failed', 'store failed', 'store works']);
  });

  it('opens a lost source again', async () => {
    let attempts = 0;
    const good = source(2);
    const { pipeline, observer, stored } = build({
      source: {
        ...good,
        async *frames(signal) {
          if (attempts++ === 0) throw new Error('unplugged');
          yield* good.frames(signal);
        },
      },
    });
    await run(pipeline);
    expect(observer.calls).toEqual(['down unplugged', 'up', 'ended']);
    expect(stored).toHaveLength(2);
  });

  it('rejects `ended` for a lost source when it is told not to open it again', async () => {
    const { pipeline } = build({
      failsOnLoss: true,
      source: {
        ...source(0),
        // biome-ignore lint/correctness/useYield: it is lost before its first frame
        async *frames() {
          throw new Error('unplugged');
        },
      },
    });
    await pipeline.start(new AbortController().signal);
    await expect(pipeline.ended).rejects.toThrow('unplugged');
    expect(pipeline.health().state).toBe('failed');
  });
});
