import { describe, expect, it } from 'vitest';
import type { Inspection, Outcome } from '../inspection.js';
import { LatencyWindow } from './latency-window.js';
import { LineStatistics } from './line-statistics.js';

const inspection = (outcome: Outcome): Inspection => ({
  sourceId: 'pcb-1',
  frame: { frameId: '0-a', cameraId: 'pcb-1', width: 4, height: 4, capturedAtMs: 0, acquisitionMs: 1 },
  startedAtMs: 1,
  finishedAtMs: 2,
  model: { id: 'm', version: '1', sha256: 'ab' },
  jobId: 'j',
  recipeId: 'r',
  configurationId: 'c',
  isSimulated: true,
  outcome,
});
const ok: Outcome = { state: 'completed', evaluation: 'OK', detections: [], triggeredRules: [] };
const notOk: Outcome = { state: 'completed', evaluation: 'NotOK', detections: [], triggeredRules: ['any'] };

describe('LineStatistics', () => {
  it('counts verdicts, failures and drops', () => {
    const line = new LineStatistics();
    line.inspected(inspection(ok), [], 5, 0);
    line.inspected(inspection(notOk), ['open', 'short', 'open'], 5, 0);
    line.inspected(inspection({ state: 'failed', code: 'X', message: 'x' }), [], 5, 0);
    line.dropped('overrun');
    line.dropped('unreadable');
    expect(line.counts).toMatchObject({ inspected: 3, ok: 1, notOk: 1, triggerErrors: 2 });
    expect(line.counts.dropped).toEqual({ overrun: 1, unreadable: 1 });
    expect(line.pareto()).toEqual([
      { class: 'open', count: 2 },
      { class: 'short', count: 1 },
    ]);
  });

  it('keeps the yield of the last 60 minutes, one entry per minute', () => {
    const line = new LineStatistics();
    for (let minute = 0; minute < 70; minute++) {
      line.inspected(inspection(ok), [], 5, minute * 60_000);
      line.inspected(inspection(notOk), ['open'], 5, minute * 60_000 + 59_999);
    }
    expect(line.yieldTrend()).toHaveLength(60);
    expect(line.yieldTrend()[0]).toEqual({ minuteMs: 10 * 60_000, total: 2, ok: 1 });
  });
});

describe('LatencyWindow', () => {
  it('gives nearest-rank percentiles of the values within the window', () => {
    const window = new LatencyWindow(1000);
    window.add(9999, 0);
    for (let value = 1; value <= 100; value++) window.add(value, 5000);
    expect(window.percentiles(5500)).toEqual({ p50: 50, p95: 95, p99: 99 });
  });

  it('is null when nothing arrived within the window', () => {
    const window = new LatencyWindow(1000);
    window.add(1, 0);
    expect(window.percentiles(1001)).toBeNull();
  });

  it('keeps only the newest values beyond its capacity', () => {
    const window = new LatencyWindow(1000, 4);
    for (let value = 1; value <= 10; value++) window.add(value, 0);
    expect(window.percentiles(0)).toEqual({ p50: 8, p95: 10, p99: 10 });
  });

  it('measures 10 values a second as a rate of 10', () => {
    const window = new LatencyWindow(5000);
    for (let i = 0; i <= 100; i++) window.add(0, i * 100);
    expect(window.ratePerSecond(10_000)).toBeCloseTo(10, 6);
  });
});
