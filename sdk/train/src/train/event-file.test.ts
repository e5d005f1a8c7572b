import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { crc32c, EventFile, frame } from './event-file.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-events-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('event files', () => {
  it('have the checksum of RFC 3720', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
  });

  it('frame each record with its length and both checksums, masked', () => {
    const framed = frame(Buffer.from('abc'));
    expect(framed).toHaveLength(8 + 4 + 3 + 4);
    expect(framed.readBigUInt64LE()).toBe(3n);
    const unmask = (masked: number) => {
      const rotated = (masked - 0xa282ead8) >>> 0;
      return ((rotated >>> 17) | (rotated << 15)) >>> 0;
    };
    expect(unmask(framed.readUInt32LE(8))).toBe(crc32c(framed.subarray(0, 8)));
    expect(unmask(framed.readUInt32LE(15))).toBe(crc32c(Buffer.from('abc')));
  });

  it('begin with the version and the start of a session, and hold whole frames after every write', () => {
    const events = new EventFile(folder, 1, 1_700_000_000_000);
    const lengths = () => {
      const bytes = readFileSync(events.file);
      const found: number[] = [];
      for (let at = 0; at < bytes.length; at += 16 + found.at(-1)!) found.push(Number(bytes.readBigUInt64LE(at)));
      return found;
    };
    expect(lengths()).toHaveLength(2);
    expect(readFileSync(events.file).toString('latin1')).toContain('brain.Event:2');
    events.write(1, { 'loss/total': 1.5, learning_rate: Number.NaN }, 1_700_000_001_000);
    events.write(300, { 'loss/total': 0.5 });
    expect(lengths()).toHaveLength(4);
    const text = readFileSync(events.file).toString('latin1');
    expect(text).toContain('loss/total');
    expect(text).not.toContain('learning_rate');
  });
});
