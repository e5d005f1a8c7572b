import { uuidV7 } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { uuidV7Generator } from './uuid-v7.js';

const zeros = { fraction: () => 0, fill: (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(0) };

describe('uuidV7Generator', () => {
  it('puts the clock into the first 48 bits and the version and variant where RFC 9562 wants them', () => {
    const next = uuidV7Generator({ nowMs: () => 0x0123456789ab }, zeros);
    expect(next()).toBe('01234567-89ab-7000-8000-000000000000');
    expect(next()).toBe('01234567-89ab-7001-8000-000000000000');
  });

  it('ascends over more ids than one millisecond can count', () => {
    const next = uuidV7Generator({ nowMs: () => 1000 }, zeros);
    const ids = Array.from({ length: 10_000 }, next);
    expect(new Set(ids).size).toBe(10_000);
    expect(ids).toEqual([...ids].sort());
  });

  it('ascends when the clock is set back', () => {
    let nowMs = 2000;
    const next = uuidV7Generator({ nowMs: () => nowMs });
    const before = next();
    nowMs = 1000;
    const after = next();
    expect(after > before).toBe(true);
  });

  it('gives ids that the wire schema accepts', () => {
    const next = uuidV7Generator();
    for (let i = 0; i < 100; i++) expect(uuidV7.safeParse(next()).success).toBe(true);
  });
});
