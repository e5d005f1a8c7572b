import { describe, expect, it } from 'vitest';
import { describeDifference, type EngineKeyParts, engineKey } from './engine-key.js';

const parts: EngineKeyParts = {
  modelSha256: 'a'.repeat(64),
  facts: { tensorrt: '10.3.0', gpu: 'Orin', computeCapability: '8.7', jetPack: '6.1', l4t: '36.4.0' },
  settings: { workspaceMib: null, optimizationLevel: 3 },
};
const changes: [EngineKeyParts, string[]][] = [
  [{ ...parts, modelSha256: 'b'.repeat(64) }, ['model changed']],
  [{ ...parts, facts: { ...parts.facts, tensorrt: '10.7.0' } }, ['TensorRT 10.3.0 -> 10.7.0']],
  [{ ...parts, facts: { ...parts.facts, gpu: 'Xavier' } }, ['graphics processor Orin -> Xavier']],
  [{ ...parts, facts: { ...parts.facts, computeCapability: '7.2' } }, ['compute capability 8.7 -> 7.2']],
  [
    { ...parts, facts: { ...parts.facts, jetPack: '6.2', l4t: '36.4.3' } },
    ['JetPack 6.1 (L4T 36.4.0) -> 6.2 (L4T 36.4.3)'],
  ],
  [{ ...parts, facts: { ...parts.facts, jetPack: null, l4t: null } }, ['JetPack 6.1 (L4T 36.4.0) -> none']],
  [
    { ...parts, settings: { workspaceMib: 512, optimizationLevel: 5 } },
    ['workspace in MiB default -> 512', 'optimization level 3 -> 5'],
  ],
];

describe('engineKey', () => {
  it('is the same for the same parts, in whatever order they are given', () => {
    const { l4t, jetPack, ...rest } = parts.facts;
    expect(
      engineKey({ settings: parts.settings, facts: { l4t, ...rest, jetPack }, modelSha256: parts.modelSha256 }),
    ).toBe(engineKey(parts));
    expect(engineKey(parts)).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each(changes)('is another, and the difference is named: %j', (changed, difference) => {
    expect(engineKey(changed)).not.toBe(engineKey(parts));
    expect(describeDifference(parts, changed)).toEqual(difference);
  });

  it('finds no difference where there is none', () => expect(describeDifference(parts, parts)).toEqual([]));
});
