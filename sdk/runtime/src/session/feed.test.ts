import type { ImageInput } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import { describe, expect, it } from 'vitest';
import { feedFrame } from './feed.js';

const base: ImageInput = {
  kind: 'image',
  name: 'images',
  layout: 'NCHW',
  color: 'RGB',
  networkSizeHw: [4, 4],
  fit: 'center',
  pad: [114, 114, 114],
  mean: [0, 0, 0],
  std: [1, 1, 1],
};

/** Every pixel has the same colour. */
function plain(width: number, height: number, color: readonly [number, number, number] = [10, 20, 30]): ImageRgb {
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, (_, i) => color[i % 3]!) };
}

function feed(input: Partial<ImageInput>, image: ImageRgb) {
  const { feeds, placement } = feedFrame({ ...base, ...input }, image);
  const { data, dims, type } = feeds.images!;
  return { placement, dims, type, data: Array.from(data as Float32Array) };
}

describe('feedFrame', () => {
  it('gives a detector of torchvision the frame in its own size as planes of 0..1', () => {
    const { dims, data, placement } = feed(
      { layout: 'CHW', fit: 'none', std: [255, 255, 255] },
      plain(2, 1, [0, 51, 255]),
    );
    expect(dims).toEqual([3, 1, 2]);
    expect(data.map((value) => Number(value.toFixed(6)))).toEqual([0, 0, 0.2, 0.2, 1, 1]);
    expect(placement).toMatchObject({ scaleX: 1, scaleY: 1, left: 0, top: 0 });
  });

  it('lays a wide frame into the middle with grey above and below', () => {
    const { dims, data, placement } = feed({}, plain(8, 4));
    expect(dims).toEqual([1, 3, 4, 4]);
    const row = (value: number) => [value, value, value, value];
    expect(data.slice(0, 16)).toEqual([...row(114), ...row(10), ...row(10), ...row(114)]);
    expect(data.slice(32)).toEqual([...row(114), ...row(30), ...row(30), ...row(114)]);
    expect(placement).toMatchObject({ scaleX: 0.5, scaleY: 0.5, left: 0, top: 1 });
  });

  it('puts the odd pixel of padding to the right', () => {
    const { data, placement } = feed({}, plain(3, 4));
    expect(data.slice(0, 4)).toEqual([10, 10, 10, 114]);
    expect(placement).toMatchObject({ left: 0, top: 0 });
  });

  it.each([
    { width: 8, height: 5, content: 2 },
    { width: 8, height: 3, content: 2 },
  ])(
    'rounds a side of $height / 2 px half to even and maps boxes by the rounded side',
    ({ width, height, content }) => {
      const { placement } = feed({}, plain(width, height));
      expect(placement).toMatchObject({ sizeHw: [content, 4], scaleY: content / height, scaleX: 0.5 });
    },
  );

  it('keeps at least one pixel of a frame that is a line', () => {
    expect(feed({}, plain(100, 1)).placement).toMatchObject({ sizeHw: [1, 4], scaleY: 1 });
  });

  it('orders channels and axes as BGR and NHWC ask, after normalisation by channel', () => {
    const { dims, data } = feed(
      { layout: 'NHWC', color: 'BGR', fit: 'stretch', networkSizeHw: [1, 1], mean: [10, 10, 10], std: [1, 2, 4] },
      plain(3, 2),
    );
    expect(dims).toEqual([1, 1, 1, 3]);
    expect(data).toEqual([5, 5, 0]);
  });

  it('gives rounded bytes to a graph of uint8', () => {
    const image: ImageRgb = { width: 2, height: 1, data: Uint8Array.of(0, 0, 255, 1, 1, 255) };
    const { type, data } = feed({ elementType: 'uint8', fit: 'stretch', networkSizeHw: [1, 4] }, image);
    expect(type).toBe('uint8');
    expect(data).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 255, 255, 255, 255]);
  });
});
