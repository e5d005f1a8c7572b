import { describe, expect, it } from 'vitest';
import { cropAround, pan, place, splitPicture, stepFactor } from './viewport.js';

const FIT = { factor: 1, centerX: 0, centerY: 0 };

describe('place', () => {
  it('centres a fitted picture and leaves the rest of the canvas empty', () => {
    expect(place({ width: 200, height: 100 }, { width: 100, height: 100 }, FIT)).toEqual({
      scale: 0.5,
      offsetX: 0,
      offsetY: 25,
    });
  });

  it('brings the wanted source pixel to the middle when zoomed', () => {
    const at = place({ width: 100, height: 100 }, { width: 100, height: 100 }, { factor: 4, centerX: 60, centerY: 40 });
    expect(60 * at.scale + at.offsetX).toBe(50);
    expect(40 * at.scale + at.offsetY).toBe(50);
  });

  it('does not leave a gap at the edge for a centre near the corner', () => {
    const at = place({ width: 100, height: 100 }, { width: 100, height: 100 }, { factor: 2, centerX: 0, centerY: 100 });
    expect(at).toEqual({ scale: 2, offsetX: 0, offsetY: -100 });
  });
});

describe('pan', () => {
  it('moves the picture with the finger and stops at its edge', () => {
    const size = { width: 100, height: 100 };
    const zoom = { factor: 2, centerX: 50, centerY: 50 };
    expect(pan(zoom, size, size, 10, 0)).toEqual({ factor: 2, centerX: 45, centerY: 50 });
    expect(pan(zoom, size, size, 500, 0).centerX).toBe(25);
  });
});

describe('stepFactor', () => {
  it('steps through the factors and stays at both ends', () => {
    expect([stepFactor(1, 1), stepFactor(2, -1), stepFactor(1, -1), stepFactor(8, 1)]).toEqual([1.5, 1.5, 1, 8]);
  });
});

describe('splitPicture', () => {
  it('puts the list beside a square picture', () => {
    expect(splitPicture({ width: 640, height: 640 }, { width: 762, height: 454 })).toEqual({
      list: 'beside',
      well: { width: 454, height: 454 },
    });
  });

  it('puts the list below a wide picture where that leaves it larger', () => {
    const split = splitPicture({ width: 2000, height: 600 }, { width: 760, height: 454 });
    expect(split).toEqual({ list: 'below', well: { width: 760, height: 228 } });
  });
});

describe('cropAround', () => {
  it('centres on the box with room around it', () => {
    const crop = cropAround({ x: 45, y: 45, width: 10, height: 10 }, { width: 100, height: 100 }, 30);
    expect(crop).toEqual({ x: 35, y: 35, width: 30, height: 30 });
  });

  it('stays inside the picture at its corner and never exceeds it', () => {
    expect(cropAround({ x: 0, y: 96, width: 4, height: 4 }, { width: 100, height: 100 }, 20)).toEqual({
      x: 0,
      y: 80,
      width: 20,
      height: 20,
    });
    expect(cropAround({ x: 0, y: 0, width: 90, height: 90 }, { width: 100, height: 80 }, 20)).toMatchObject({
      width: 80,
      height: 80,
    });
  });
});
