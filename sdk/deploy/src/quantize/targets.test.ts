import { describe, expect, it } from 'vitest';
import { hasVnni, targetSettings } from './targets.js';

describe('hasVnni', () => {
  it.each([
    ['flags\t\t: fpu avx2 avx512f avx512_vnni', true],
    ['flags\t\t: fpu avx2 avx_vnni', true],
    ['flags\t\t: fpu avx2 avx512f', false],
    ['Features\t: fp asimd asimddp', undefined],
    ['', undefined],
  ])('reads %j as %s', (text, expected) => expect(hasVnni(text)).toBe(expected));
});

describe('targetSettings', () => {
  it('reduces weights on x64 only', () => {
    expect(targetSettings('cpu-x64', true, 17).weight.isReduced).toBe(true);
    expect(targetSettings('cpu-x64', false, 17).weight.isReduced).toBe(false);
    expect(targetSettings('cpu-arm64', true, 17).weight.isReduced).toBe(false);
  });

  it('has the activation type that the processor multiplies fast', () => {
    expect(targetSettings('cpu-x64', false, 17).activation.type).toBe('uint8');
    expect(targetSettings('cpu-arm64', false, 17).activation.type).toBe('int8');
  });
});
