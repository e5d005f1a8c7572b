import { join } from 'node:path';
import { lineConfigSchema } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { checkConfig, loadConfig, parseConfig } from './load-config.js';

const good = `id: pcb-1
source: { kind: images, path: ./boards }
model: ./model
rules:
  - { name: any, when: { anyOf: ['*'] }, verdict: NotOK }
`;
const withoutLine = (text: string, start: string) =>
  text
    .split('\n')
    .filter((line) => !line.startsWith(start))
    .join('\n');

describe('parseConfig', () => {
  it('fills defaults and freezes the result', () => {
    const config = parseConfig('line.yaml', good, lineConfigSchema);
    expect(config.source.framesPerSecond).toBe(10);
    expect(config.rules[0]?.when.minScore).toBe(0.5);
    expect(() => Object.assign(config.source, { loop: true })).toThrow(TypeError);
  });

  it('names file, line, column and path of a wrong value', () => {
    const wrong = good.replace('./boards }', './boards, framesPerSecond: -3 }');
    expect(() => parseConfig('line.yaml', wrong, lineConfigSchema)).toThrowError(
      expect.objectContaining({
        code: 'PLB_CONFIG_INVALID',
        kind: 'input',
        params: expect.objectContaining({ file: 'line.yaml', line: 2, column: 41, path: 'source.framesPerSecond' }),
      }),
    );
  });

  it('points at an unknown key itself', () => {
    const checked = checkConfig(`${good}modell: ./typo\n`, lineConfigSchema);
    expect(checked).toMatchObject({ ok: false, issues: [{ path: 'modell', line: 6, column: 1 }] });
  });

  it('shows the parent of a missing key', () => {
    const checked = checkConfig(withoutLine(good, 'model'), lineConfigSchema);
    expect(checked).toMatchObject({ ok: false, issues: [{ path: 'model', line: 1 }] });
  });

  it('locates a syntax error', () => {
    expect(() => parseConfig('line.yaml', 'id: [1, 2\nsource: 3\n', lineConfigSchema)).toThrowError(
      expect.objectContaining({ code: 'PLB_CONFIG_SYNTAX' }),
    );
  });

  it('reads JSON as well', () => {
    expect(
      parseConfig('line.json', JSON.stringify(parseConfig('a', good, lineConfigSchema)), lineConfigSchema).id,
    ).toBe('pcb-1');
  });
});

describe('loadConfig', () => {
  it('names a file that cannot be read', () => {
    const file = join(import.meta.dirname, 'absent.yaml');
    expect(() => loadConfig(file, lineConfigSchema)).toThrowError(
      expect.objectContaining({ code: 'PLB_CONFIG_UNREADABLE', params: { file, reason: 'ENOENT' } }),
    );
  });
});
