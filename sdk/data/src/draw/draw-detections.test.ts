import type { Detection } from '@plumbline/core/geometry';
import { detectionsSvg, drawDetections } from '@plumbline/data/draw';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { textPath } from './glyphs.js';

const grey = { width: 120, height: 80, data: new Uint8Array(120 * 80 * 3).fill(128) };
const detection: Detection = { classId: 1, className: 'pin-hole', score: 0.876, boxXyxy: [40, 30, 90, 70] };

async function pixels(detections: Detection[]) {
  const { data, info } = await sharp(await drawDetections(grey, detections))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return {
    info,
    at: (x: number, y: number) => [...data.subarray((y * info.width + x) * info.channels).subarray(0, 3)],
  };
}

describe('drawDetections', () => {
  it('draws the edge in the colour of the class and leaves the inside as it was', async () => {
    const { info, at } = await pixels([detection]);
    expect([info.width, info.height]).toEqual([120, 80]);
    expect(at(40, 50)).toEqual([0x56, 0xb4, 0xe9]);
    expect(at(65, 50)).toEqual([128, 128, 128]);
  });

  it('leaves an image without detections untouched', async () => {
    const { at } = await pixels([]);
    expect(at(40, 50)).toEqual([128, 128, 128]);
  });

  it('keeps the label inside the picture at its borders', () => {
    const svg = detectionsSvg(120, 80, [{ ...detection, boxXyxy: [110, 2, 119, 12] }]);
    const plate = /<rect x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)" fill="#/.exec(svg)!.slice(1).map(Number);
    const [x, y, width, height] = plate as [number, number, number, number];
    expect(x + width).toBeLessThanOrEqual(120);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(y + height).toBeLessThanOrEqual(80);
  });

  it('needs no font of the machine and passes a class name into no markup', () => {
    const svg = detectionsSvg(120, 80, [{ ...detection, className: '<a> & "b"' }]);
    expect(svg).not.toContain('<text');
    expect(svg).not.toContain('<a>');
  });
});

describe('textPath', () => {
  it('draws a minus sign as one run of five dots in the fourth row', () => {
    expect(textPath('-', 10, 20, 2)).toBe('M10 26h10v2h-10z');
  });

  it('draws small letters as capitals and an unknown character as a frame', () => {
    expect(textPath('t', 0, 0, 1)).toBe(textPath('T', 0, 0, 1));
    expect(textPath('ß', 0, 0, 1)).not.toBe('');
    expect(textPath('é', 0, 0, 1)).toBe(textPath('漢', 0, 0, 1));
  });
});
