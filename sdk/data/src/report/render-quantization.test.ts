import { type QuantizationRecord, renderQuantization } from '@plumbline/data/report';
import { describe, expect, it } from 'vitest';

const record: QuantizationRecord = {
  model: 'nano <1>',
  target: 'cpu-x64',
  calibration: 'minmax, 200 images',
  float: { AP: 0.713, AP50: 0.951, AP75: 0.826 },
  int8: { AP: 0.711, AP50: 0.954, AP75: 0.828 },
  drop: 0.2,
  maxDrop: 0.5,
  passed: true,
  keptFloat: ['backbone.conv1'],
  layers: [
    { name: 'neck.fpn', sqnrDb: 36.4, ap: 0.6951 },
    { name: 'backbone.conv1', sqnrDb: 14.3, ap: 0.271 },
    { name: 'silent', sqnrDb: Number.POSITIVE_INFINITY, ap: 0.713 },
  ],
  speedup: 1.6,
};

describe('renderQuantization', () => {
  it('shows verdict, figures and layers from the most harmful on', () => {
    const page = renderQuantization(record, '2026-01-31 09:30 UTC');
    expect(page).toContain('passed: AP drops by 0.20 points, at most 0.5 are allowed');
    expect(page).toContain('<th scope="row">AP</th><td>71.3 %</td><td>71.1 %</td><td>−0.2</td>');
    expect(page).toContain(
      '<th scope="row">backbone.conv1</th><td>14.3</td><td>27.10 %</td><td>−44.20</td><td>float</td>',
    );
    expect(page.indexOf('>backbone.conv1</th>')).toBeLessThan(page.indexOf('>neck.fpn</th>'));
    expect(page).toContain('2 of 3');
    expect(page).not.toContain('nano <1>');
  });

  it('draws a point for each layer that has noise', () => {
    const page = renderQuantization(record, 'today');
    expect(page.match(/<circle/g)).toHaveLength(2);
    expect(page).toContain('class="bar-b"');
    expect(page).toContain('<td>no noise</td>');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('has a page for a refused model', () => {
    const page = renderQuantization(
      { ...record, passed: false, drop: 13.6, speedup: null, layers: [], keptFloat: [] },
      'today',
    );
    expect(page).toContain('refused: AP drops by 13.60 points');
    expect(page).toContain('nothing passed');
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });
});
