import { describe, expect, it } from 'vitest';
import { layoutTrend, topClasses, totalsOf, yieldAxis, yieldPercent } from './yield-chart.js';

const MINUTE = 60_000;
const NOW = 1_700_000_040_000;
const LAST = Math.floor(NOW / MINUTE) * MINUTE;

describe('totalsOf and yieldPercent', () => {
  const counts = { frames: 0, inspected: 0, ok: 3, notOk: 2, notDecidable: 1, triggerErrors: 2, dropped: {} };

  it('counts a trigger without a usable verdict as an error and as not good', () => {
    const totals = totalsOf(counts);
    expect(totals).toEqual({ total: 8, good: 3, ng: 2, triggerErrors: 3 });
    expect(yieldPercent(totals)).toBe(37.5);
  });

  it('has no yield before the first trigger', () => {
    expect(yieldPercent(totalsOf({ ...counts, ok: 0, notOk: 0, notDecidable: 0, triggerErrors: 0 }))).toBeNull();
  });
});

describe('yieldAxis', () => {
  it('starts at the highest end that shows every value', () => {
    expect(yieldAxis([99, 95]).ticks).toEqual([94, 97, 100]);
    expect(yieldAxis([93]).lo).toBe(90);
    expect(yieldAxis([12]).lo).toBe(0);
    expect(yieldAxis([99], 90).lo).toBe(90);
  });
});

describe('layoutTrend', () => {
  it('places the present minute at the right edge and the oldest at the left', () => {
    const trend = layoutTrend(
      [
        { minuteMs: LAST - 59 * MINUTE, total: 10, ok: 10 },
        { minuteMs: LAST, total: 10, ok: 0 },
      ],
      0.95,
      NOW,
    );
    expect(trend.points.map(({ x, y, percent }) => [x, y, percent])).toEqual([
      [0, 0, 100],
      [1, 1, 0],
    ]);
    expect(trend.targetY).toBeCloseTo(0.05);
  });

  it('breaks the line at a minute without parts instead of drawing across it', () => {
    const trend = layoutTrend(
      [3, 2, 0]
        .map((ago) => ({ minuteMs: LAST - ago * MINUTE, total: 4, ok: 4 }))
        .concat({ minuteMs: LAST - MINUTE, total: 0, ok: 0 }),
      0.95,
      NOW,
    );
    expect(trend.lines.map((line) => line.length)).toEqual([2, 1]);
  });

  it('leaves out minutes older than the hour it shows', () => {
    expect(layoutTrend([{ minuteMs: LAST - 60 * MINUTE, total: 4, ok: 4 }], 0.95, NOW).points).toEqual([]);
  });
});

describe('topClasses', () => {
  it('gives the share of all defects, those of the hidden classes included', () => {
    const pareto = [
      { class: 'open', count: 6 },
      { class: 'short', count: 3 },
      { class: 'spur', count: 1 },
    ];
    expect(topClasses(pareto, 2)).toEqual([
      { name: 'open', count: 6, share: 0.6, bar: 1 },
      { name: 'short', count: 3, share: 0.3, bar: 0.5 },
    ]);
  });
});
