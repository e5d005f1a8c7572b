import { eventSchema, resultSchema } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { eventDraft, inspectionOf } from './outbox.test.fixture.js';
import { toWireDetections, toWireEvent, toWireResult } from './to-wire.js';

const identity = { id: '01890a5d-ac96-774b-bcce-b302099a8057', sourceId: 'pcb-1', epoch: 'e1', seq: 42 };

describe('toWireResult', () => {
  it('turns a NotOK inspection into the payload that the contract describes', () => {
    const wire = toWireResult(inspectionOf('NotOK'), identity);
    expect(resultSchema.parse(wire)).toEqual(wire);
    expect(wire).toEqual({
      schema: 'vision.result/1',
      resultId: identity.id,
      sourceId: 'pcb-1',
      epoch: 'e1',
      seq: '42',
      timestamp_ms: 1_700_000_000_000,
      jobId: 'job-7',
      isPartial: false,
      resultState: 1,
      resultEvaluation: 2,
      resultEvaluationCode: 'any-defect',
      internalRecipeId: 'line-1',
      internalConfigurationId: 'cfg-1',
      creationTime: '2023-11-14T22:13:20.035Z',
      isSimulated: true,
      processingTimes: {
        startTime: 1_700_000_000_010,
        endTime: 1_700_000_000_035,
        acquisitionDuration: 4,
        processingDuration: 25,
      },
      resultContent: {
        frameId: 'board-1',
        cameraId: 'cam-1',
        image: { width: 640, height: 480 },
        model: { id: 'pcb', version: '1.0.0', sha256: 'ab'.repeat(32) },
        detections: [
          {
            detectionId: 0,
            classId: 2,
            class: 'short',
            confidence: 0.876543,
            bbox: { x: 10, y: 20, width: 20.5, height: 24.25 },
          },
        ],
      },
    });
  });

  it('sends OK without a code', () => {
    const wire = toWireResult(inspectionOf('OK'), identity);
    expect([wire.resultEvaluation, 'resultEvaluationCode' in wire]).toEqual([1, false]);
  });

  it('sends a failed inspection as Failed with an undefined verdict, never as OK', () => {
    const outcome = { state: 'failed', code: 'PLB_RUNTIME_INFERENCE', message: 'x' } as const;
    const wire = toWireResult({ ...inspectionOf(), outcome }, identity);
    expect(resultSchema.safeParse(wire).success).toBe(true);
    expect([wire.resultState, wire.resultEvaluation, wire.resultEvaluationCode]).toEqual([
      4,
      0,
      'PLB_RUNTIME_INFERENCE',
    ]);
    expect(wire.resultContent?.detections).toEqual([]);
  });
});

describe('toWireDetections', () => {
  it('keeps a score that rounding errors pushed out of 0..1 within it', () => {
    const detection = { classId: 0, className: 'a', boxXyxy: [0, 0, 1, 1] as const };
    const scores = toWireDetections([
      { ...detection, score: 1.000001 },
      { ...detection, score: -1e-9 },
    ]).map((d) => d.confidence);
    expect(scores).toEqual([1, 0]);
  });
});

describe('toWireEvent', () => {
  it('carries the event in the same stream as results', () => {
    const wire = toWireEvent(eventDraft({ jobId: 'job-7' }), identity);
    expect(eventSchema.parse(wire)).toEqual(wire);
    expect([wire.eventId, wire.seq, wire.type, wire.data]).toEqual([
      identity.id,
      '42',
      'job_started',
      { jobId: 'job-7' },
    ]);
  });
});
