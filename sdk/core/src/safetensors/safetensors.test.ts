import { describe, expect, it } from 'vitest';
import { readSafetensors, writeSafetensors } from './safetensors.js';

const tensors = [
  ['a', { shape: [2, 2], data: Float32Array.of(1, -2, 3.5, 0) }],
  ['b', { shape: [3], data: Int32Array.of(7, 8, 9) }],
] as const;

describe('safetensors', () => {
  it('gives back what was written', () => {
    const { tensors: read, metadata } = readSafetensors(writeSafetensors(tensors, { run: 'x' }));
    expect(metadata).toEqual({ run: 'x' });
    expect(read.get('a')).toEqual({ dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, -2, 3.5, 0) });
    expect([...(read.get('b')!.data as Int32Array)]).toEqual([7, 8, 9]);
  });

  it('copies out of a Node Buffer, whose slice would be a view of the whole pool', () => {
    const read = readSafetensors(Buffer.from(writeSafetensors(tensors))).tensors;
    expect(read.get('a')!.data.length).toBe(4);
    expect(read.get('a')!.data.buffer.byteLength).toBe(16);
  });

  it.each([
    ['empty', new Uint8Array(3), 'shorter'],
    ['cut inside the header', writeSafetensors(tensors).subarray(0, 20), 'past the end'],
    ['cut inside the tensors', writeSafetensors(tensors).slice(0, -4), 'does not fit'],
  ])('refuses a file that is %s', (_name, bytes, reason) => {
    expect(() => readSafetensors(bytes, 'w.safetensors')).toThrowError(
      expect.objectContaining({
        code: 'PLB_CORE_SAFETENSORS_INVALID',
        params: { file: 'w.safetensors', reason: expect.stringContaining(reason) },
      }),
    );
  });
});
