import type { FeedPictureHeader, LineStatus } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { deriveLineView, type LineSnapshot, resultAgeMs } from './line-view.js';
import { wordOf } from './verdict.js';

const NOW_LOCAL = 1_000_000;
const NOW_DAEMON = 1_700_000_000_000;

const status = (patch: Partial<LineStatus> = {}): LineStatus => ({
  lineId: 'l',
  nowMs: NOW_DAEMON,
  startedAtMs: NOW_DAEMON - 10_000,
  state: 'running',
  demo: false,
  recipe: { id: 'l', configurationId: 'c' },
  model: { id: 'm', version: '1', sha256: 'ab', executionProvider: 'cpu', classes: [], scoreThreshold: 0.5 },
  counts: { frames: 0, inspected: 0, ok: 0, notOk: 0, notDecidable: 0, triggerErrors: 0, dropped: {} },
  yieldTarget: 0.95,
  pareto: [],
  yieldTrend: [],
  camera: { state: 'up', framesPerSecond: 10, id: '1' },
  latencyMs: null,
  outbox: { depth: 0, lastSeq: '0', epoch: '1', oldestAgeMs: null, published: 0 },
  broker: { state: 'connected', url: 'mqtt://b', sinceMs: null, protocol: '5' },
  disk: { freeBytes: null, usedByStoreBytes: null },
  problems: [],
  ...patch,
});
const result = (patch: Partial<FeedPictureHeader> = {}): FeedPictureHeader => ({
  type: 'frame',
  frameId: 'f',
  cameraId: '1',
  resultId: 'r',
  seq: '1',
  capturedAtMs: NOW_DAEMON - 50,
  image: { width: 4, height: 4 },
  preview: { width: 4, height: 4 },
  resultState: 1,
  resultEvaluation: 1,
  processingMs: 5,
  detections: [],
  ...patch,
});
const snapshot = (patch: Partial<LineSnapshot> = {}): LineSnapshot => ({
  connection: 'open',
  status: status(),
  statusLocalMs: NOW_LOCAL,
  lastMessageLocalMs: NOW_LOCAL,
  result: result(),
  resultLocalMs: NOW_LOCAL,
  ...patch,
});
const problem = (source: string, code: string) => ({ code, message: 'm', help: 'h', sinceMs: 1, source });

describe('wordOf', () => {
  it.each([
    [1, 1, 'PASS'],
    [1, 2, 'NG'],
    [1, 3, 'ERROR'],
    [1, 0, 'WAIT'],
    [3, 1, 'ERROR'],
    [4, 2, 'ERROR'],
    [4, 0, 'ERROR'],
  ])('resultState %i with resultEvaluation %i reads %s', (resultState, resultEvaluation, word) => {
    expect(wordOf({ resultState, resultEvaluation })).toBe(word);
  });
});

describe('deriveLineView', () => {
  it('shows the word of a fresh result', () => {
    expect(deriveLineView(snapshot(), NOW_LOCAL)).toMatchObject({ phase: 'running', word: 'PASS', picture: 'live' });
  });

  it('gives the code of a result that could not be decided', () => {
    const undecided = result({ resultEvaluation: 3, resultEvaluationCode: 'PLB_X' });
    expect(deriveLineView(snapshot({ result: undecided }), NOW_LOCAL)).toMatchObject({ word: 'ERROR', code: 'PLB_X' });
  });

  it('keeps the verdict at exactly 2 s and suspends it one millisecond later', () => {
    const fed = (ageMs: number) =>
      snapshot({ resultLocalMs: NOW_LOCAL - ageMs, result: result({ capturedAtMs: NOW_DAEMON - ageMs }) });
    expect(deriveLineView(fed(2_000), NOW_LOCAL).word).toBe('PASS');
    expect(deriveLineView(fed(2_001), NOW_LOCAL)).toMatchObject({
      phase: 'stale',
      word: 'STALE',
      picture: 'dim',
      ageS: 2,
    });
  });

  it('counts a result as old that arrived just now but was captured long ago', () => {
    const late = snapshot({ result: result({ capturedAtMs: NOW_DAEMON - 5_000 }) });
    expect(deriveLineView(late, NOW_LOCAL)).toMatchObject({ word: 'STALE', ageS: 5 });
  });

  it('ages a result by the clock of the daemon, whatever the panel thinks the time is', () => {
    expect(resultAgeMs(snapshot({ statusLocalMs: NOW_LOCAL - 700, resultLocalMs: NOW_LOCAL - 700 }), NOW_LOCAL)).toBe(
      750,
    );
  });

  it('suspends the verdict when an open connection has been silent for more than 2 s', () => {
    const silent = snapshot({ lastMessageLocalMs: NOW_LOCAL - 2_001 });
    expect(deriveLineView(silent, NOW_LOCAL)).toMatchObject({ phase: 'stale', word: 'STALE', isOld: true });
  });

  it('never leaves a PASS on the screen after the connection is lost', () => {
    expect(deriveLineView(snapshot({ connection: 'closed' }), NOW_LOCAL)).toMatchObject({
      phase: 'offline',
      word: 'STALE',
      picture: 'clear',
      isOld: true,
    });
  });

  it('waits while it connects for the first time, with or without a result', () => {
    for (const connection of ['connecting', 'open'] as const) {
      const view = deriveLineView(snapshot({ connection, status: null }), NOW_LOCAL);
      expect(view).toMatchObject({ phase: 'connecting', word: 'WAIT', picture: 'clear' });
    }
  });

  it('shows no verdict before the model is warm', () => {
    const starting = snapshot({ status: status({ state: 'starting' }) });
    expect(deriveLineView(starting, NOW_LOCAL)).toMatchObject({ phase: 'starting', word: 'WAIT', picture: 'clear' });
  });

  it('withdraws the verdict of an idle line and keeps the dimmed picture', () => {
    const idle = snapshot({ status: status({ state: 'idle' }) });
    expect(deriveLineView(idle, NOW_LOCAL)).toMatchObject({ phase: 'idle', word: 'IDLE', picture: 'dim' });
  });

  it('turns from stale to idle when no part came for 60 s', () => {
    const old = snapshot({ resultLocalMs: NOW_LOCAL - 60_001, result: result({ capturedAtMs: NOW_DAEMON - 60_001 }) });
    expect(deriveLineView(old, NOW_LOCAL)).toMatchObject({ phase: 'idle', word: 'IDLE' });
  });

  it('puts a lost camera before the last good result, with the code of the camera', () => {
    const lost = snapshot({
      status: status({
        state: 'degraded',
        camera: { state: 'down', framesPerSecond: 0, id: '1' },
        problems: [problem('broker', 'PLB_B'), problem('camera', 'PLB_C')],
      }),
    });
    expect(deriveLineView(lost, NOW_LOCAL)).toMatchObject({
      phase: 'cameraLost',
      word: 'ERROR',
      picture: 'clear',
      code: 'PLB_C',
    });
  });

  it('shows the first problem of a line that inspects nothing', () => {
    const failed = snapshot({ status: status({ state: 'failed', problems: [problem('detector', 'PLB_D')] }) });
    expect(deriveLineView(failed, NOW_LOCAL)).toMatchObject({ phase: 'failed', word: 'ERROR', code: 'PLB_D' });
  });

  it('withdraws the verdict while the service stops', () => {
    const stopping = snapshot({ status: status({ state: 'stopping' }) });
    expect(deriveLineView(stopping, NOW_LOCAL)).toMatchObject({ phase: 'stopping', word: 'IDLE', picture: 'dim' });
  });

  it('goes on giving verdicts while the line is degraded', () => {
    const degraded = snapshot({ status: status({ state: 'degraded', problems: [problem('broker', 'PLB_B')] }) });
    expect(deriveLineView(degraded, NOW_LOCAL)).toMatchObject({ phase: 'running', word: 'PASS', code: null });
  });
});
