import { describe, expect, it } from 'vitest';
import { throwFault, watchFaults } from './faults.js';

class GPUOutOfMemoryError {
  readonly message = 'buffer of 4 GB\n  while creating';
}

function fakeDevice() {
  let listener: (event: { readonly error: object }) => void = () => {};
  let lose: (info: { reason: string; message: string }) => void = () => {};
  const lost = new Promise<{ reason: string; message: string }>((resolve) => {
    lose = resolve;
  });
  watchFaults(
    {
      lost,
      addEventListener: (_, given) => {
        listener = given;
      },
    },
    'Card 7',
  );
  return { report: (error: object) => listener({ error }), lose };
}

describe('faults of a graphics device', () => {
  it('are kept until someone waits for values: the first one, once', () => {
    const { report } = fakeDevice();
    expect(throwFault).not.toThrow();
    report(new Error('bad binding\n  while validating'));
    report(new Error('what follows from it'));
    const expected = { code: 'PLB_TRAIN_DEVICE_FAILED', params: { device: 'Card 7', reason: 'bad binding' } };
    expect(throwFault).toThrowError(expect.objectContaining(expected));
    expect(throwFault).not.toThrow();
  });

  it('name missing memory as such', () => {
    fakeDevice().report(new GPUOutOfMemoryError());
    const expected = { code: 'PLB_TRAIN_DEVICE_OUT_OF_MEMORY', params: { device: 'Card 7', reason: 'buffer of 4 GB' } };
    expect(throwFault).toThrowError(expect.objectContaining(expected));
  });

  it('include the loss of the device, unless it was given back', async () => {
    const { lose } = fakeDevice();
    lose({ reason: 'unknown', message: 'hung' });
    await new Promise(setImmediate);
    expect(throwFault).toThrowError(expect.objectContaining({ params: { device: 'Card 7', reason: 'hung' } }));
    fakeDevice().lose({ reason: 'destroyed', message: '' });
    await new Promise(setImmediate);
    expect(throwFault).not.toThrow();
  });
});
