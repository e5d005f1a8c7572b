import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { writeWhole } from './write-whole.js';

const dir = mkdtempSync(join(tmpdir(), 'plumbline-whole-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const refuse = ({ file, reason }: { file: string; reason: string }) => new Error(`${file}: ${reason}`);

describe('writeWhole', () => {
  it('writes files and the folders that they need', async () => {
    const [a, b] = [join(dir, 'x', 'y', 'a'), join(dir, 'x', 'b')];
    await writeWhole(
      [
        [a, 'text'],
        [b, Uint8Array.of(1, 2)],
      ],
      refuse,
    );
    expect([readFileSync(a, 'utf8'), [...readFileSync(b)]]).toEqual(['text', [1, 2]]);
  });

  it('leaves everything as it was when one of them cannot be written, and names that one', async () => {
    const folder = join(dir, 'kept');
    mkdirSync(folder);
    const [first, second] = [join(folder, 'first'), join(folder, 'first', 'second')];
    writeFileSync(first, 'before');
    await expect(
      writeWhole(
        [
          [first, 'after'],
          [second, 'text'],
        ],
        refuse,
      ),
    ).rejects.toThrow(new RegExp(`^${second}: (ENOTDIR|EEXIST)$`));
    expect(readFileSync(first, 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['first']);
  });
});
