import { describe, expect, it } from 'vitest';
import { refusingFaults, watchFaults } from './faults.js';

function fakeDevice() {
  let listener: (event: { readonly error: object }) => void = () => {};
  let lose: (info: { reason: string; message: string }) => void = () => {};
  const scopes: { filter: string; message: string | null }[] = [];
  watchFaults(
    {
      lost: new Promise((resolve) => {
        lose = resolve;
      }),
      addEventListener: (_, given) => {
        listener = given;
      },
      pushErrorScope: (filter) => scopes.push({ filter, message: null }),
      popErrorScope: async () => {
        const { message } = scopes.pop()!;
        return message === null ? null : { message };
      },
    },
    'Card 7',
  );
  const fail = (filter: string, message: string) => {
    scopes.findLast((scope) => scope.filter === filter)!.message ??= message;
  };
  return { fail, report: (error: object) => listener({ error }), lose };
}

describe('faults of a graphics device', () => {
  it('take the place of what was computed, with their first line', async () => {
    const { fail } = fakeDevice();
    expect(await refusingFaults(async () => 5)).toBe(5);
    const work = refusingFaults(async () => {
      fail('validation', 'bad binding\n  while validating');
      return 5;
    });
    const params = { device: 'Card 7', reason: 'bad binding' };
    await expect(work).rejects.toMatchObject({ code: 'PLB_TRAIN_DEVICE_FAILED', params });
    expect(await refusingFaults(async () => 6)).toBe(6);
  });

  it('name missing memory as such, whatever followed from it', async () => {
    const { fail } = fakeDevice();
    const work = refusingFaults(async () => {
      fail('validation', 'invalid buffer');
      fail('out-of-memory', 'buffer of 4 GB');
      throw new Error('a consequence');
    });
    const params = { device: 'Card 7', reason: 'buffer of 4 GB' };
    await expect(work).rejects.toMatchObject({ code: 'PLB_TRAIN_DEVICE_OUT_OF_MEMORY', params });
  });

  it('between two pieces of work spoil the second, as does the loss of the device, unless it was given back', async () => {
    const { report, lose } = fakeDevice();
    report(new Error('late\n  news'));
    await expect(refusingFaults(async () => 1)).rejects.toMatchObject({ params: { reason: 'late' } });
    lose({ reason: 'unknown', message: 'hung' });
    await new Promise(setImmediate);
    await expect(refusingFaults(async () => 1)).rejects.toMatchObject({ params: { reason: 'hung' } });
    fakeDevice().lose({ reason: 'destroyed', message: '' });
    await new Promise(setImmediate);
    expect(await refusingFaults(async () => 2)).toBe(2);
  });
});
