import { describe, expect, it } from 'vitest';
import { type GateSteps, searchGate } from './accuracy-gate.js';

/** A model whose layers lose AP independently: each quantized one its own points. */
function additive(lossPoints: Record<string, number>, evaluated: string[][] = []): GateSteps {
  const layers = Object.keys(lossPoints);
  const ap = (quantized: readonly string[]) => 0.7 - quantized.reduce((sum, name) => sum + lossPoints[name]! / 100, 0);
  return {
    layers,
    float: { AP: 0.7 },
    evaluate: async (kept) => {
      evaluated.push([...kept]);
      return { AP: ap(layers.filter((name) => !kept.includes(name))) };
    },
    measureHarm: async () => layers.map((name) => ({ name, ap: ap([name]), sqnrDb: 20 })),
  };
}

describe('searchGate', () => {
  it('takes the model with everything in integers when it loses no more than allowed', async () => {
    const outcome = await searchGate(additive({ a: 0.2, b: 0.3 }), 0.5);
    expect(outcome).toMatchObject({ passed: true, keptFloat: [], harm: [], tried: 1 });
    expect(outcome.drop).toBeCloseTo(0.5, 9);
  });

  it('keeps the fewest of the most harmful layers float', async () => {
    const losses = { a: 0.1, b: 3, c: 0.05, d: 2, e: 0.1, f: 1, g: 0.05 };
    const outcome = await searchGate(additive(losses), 0.5);
    expect(outcome.passed).toBe(true);
    expect([...outcome.keptFloat].sort()).toEqual(['b', 'd', 'f']);
    expect(outcome.drop).toBeCloseTo(0.3, 9);
    expect(outcome.harm.map(({ name }) => name).slice(0, 3)).toEqual(['b', 'd', 'f']);
  });

  it('orders layers of equal AP by their noise', async () => {
    const steps = additive({ a: 1, b: 1 });
    const harm = [
      { name: 'a', ap: 0.69, sqnrDb: 30 },
      { name: 'b', ap: 0.69, sqnrDb: 10 },
    ];
    const outcome = await searchGate({ ...steps, measureHarm: async () => harm }, 1);
    expect(outcome.keptFloat).toEqual(['b']);
  });

  it('fails with the best model found when one quantized layer is too much already', async () => {
    const evaluated: string[][] = [];
    const outcome = await searchGate(additive({ a: 9, b: 8, c: 7 }, evaluated), 0.5);
    expect(outcome.passed).toBe(false);
    expect(outcome.keptFloat).toEqual(['a', 'b']);
    expect(outcome.drop).toBeCloseTo(7, 9);
    expect(outcome.tried).toBe(evaluated.length);
    expect(evaluated.map((kept) => kept.length)).toEqual([0, 1, 2]);
  });

  it('fails a model of one layer without a search', async () => {
    const outcome = await searchGate(additive({ a: 9 }), 0.5);
    expect(outcome).toMatchObject({ passed: false, keptFloat: [], tried: 1 });
  });

  it('lets a model pass that is better than the float one', async () => {
    expect((await searchGate(additive({ a: -1 }), 0)).passed).toBe(true);
  });
});
