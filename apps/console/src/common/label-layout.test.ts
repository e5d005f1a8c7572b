import { describe, expect, it } from 'vitest';
import { placeLabels } from './label-layout.js';

const canvas = { width: 200, height: 200 };
const size = { width: 40, height: 10 };

describe('placeLabels', () => {
  it('puts a label above its box, left edges aligned', () => {
    expect(placeLabels([{ x: 50, y: 50, width: 20, height: 20 }], [size], canvas, 3)).toEqual([
      { x: 48, y: 37, ...size },
    ]);
  });

  it('puts it below when another box lies above', () => {
    const boxes = [
      { x: 50, y: 50, width: 20, height: 20 },
      { x: 20, y: 30, width: 100, height: 18 },
    ];
    expect(placeLabels(boxes, [size, size], canvas, 3)[0]).toMatchObject({ y: 73 });
  });

  it('goes beside the box when above and below are taken', () => {
    const box = { x: 90, y: 90, width: 20, height: 20 };
    const taken = [
      { x: 20, y: 70, width: 160, height: 18 },
      { x: 20, y: 112, width: 160, height: 18 },
    ];
    expect(placeLabels([box, ...taken], [size, size, size], canvas, 3)[0]).toEqual({ x: 113, y: 95, ...size });
  });

  it('keeps every label inside the canvas', () => {
    const boxes = [
      { x: 190, y: 0, width: 10, height: 10 },
      { x: 0, y: 190, width: 10, height: 10 },
    ];
    for (const label of placeLabels(boxes, [size, size], canvas, 3)) {
      expect(label.x).toBeGreaterThanOrEqual(0);
      expect(label.y).toBeGreaterThanOrEqual(0);
      expect(label.x + label.width).toBeLessThanOrEqual(200);
      expect(label.y + label.height).toBeLessThanOrEqual(200);
    }
  });

  it('does not put two labels on each other when there is room', () => {
    const box = { x: 80, y: 80, width: 30, height: 30 };
    const [a, b] = placeLabels([box, { ...box, x: 84 }], [size, size], canvas, 3);
    const apart =
      a!.y + a!.height <= b!.y || b!.y + b!.height <= a!.y || a!.x + a!.width <= b!.x || b!.x + b!.width <= a!.x;
    expect(apart).toBe(true);
  });
});
