import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findBatchSize, tryBatchInProcess } from './find-batch.js';

const folder = mkdtempSync(join(tmpdir(), 'plumbline-find-batch-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A machine where a batch takes 300 MB and 100 for each image, and which refuses more than `limit` images. */
const machine = (limit = Number.POSITIVE_INFINITY) => {
  const tried: number[] = [];
  const tryBatch = async (batchSize: number) => {
    tried.push(batchSize);
    if (batchSize > limit) return undefined;
    return { batchSize, imagesPerSecond: 1, peakMb: 300 + 100 * batchSize };
  };
  return { tried, tryBatch };
};

describe('findBatchSize', () => {
  it('doubles, and tries nothing whose memory would go over what may be used', async () => {
    const { tried, tryBatch } = machine();
    // 8 images take 1,100 MB, 14 take 1,700 MB, 16 would take 1,900 MB.
    const { batchSize, refused } = await findBatchSize(tryBatch, 64, 1750);
    expect(tried).toEqual([1, 2, 4, 8, 14]);
    expect([batchSize, refused]).toEqual([14, []]);
  });

  it('finds by trial where memory runs out that it cannot see', async () => {
    const { tried, tryBatch } = machine(11);
    const { batchSize, refused } = await findBatchSize(tryBatch, 64, 1e6);
    expect(tried).toEqual([1, 2, 4, 8, 16, 14, 12, 10]);
    expect([batchSize, refused]).toEqual([10, [16, 14, 12]]);
  });

  it('takes no more than there are images', async () => {
    const { tried, tryBatch } = machine();
    expect((await findBatchSize(tryBatch, 6, 1e6)).batchSize).toBe(6);
    expect(tried).toEqual([1, 2, 4, 6]);
  });

  it('says so when not even one image fits', async () => {
    const { tryBatch } = machine(0);
    await expect(findBatchSize(tryBatch, 6, 1e6)).rejects.toMatchObject({ code: 'PLB_TRAIN_BATCH_NONE_FITS' });
  });
});

describe('tryBatchInProcess', () => {
  const trial = (name: string, source: string) => {
    const program = join(folder, `${name}.mjs`);
    writeFileSync(program, source);
    return tryBatchInProcess('train.yaml', 'wasm', 4, program);
  };

  it('reads what a trial took', async () => {
    const figures = 'console.log(JSON.stringify({ imagesPerSecond: process.argv.length, peakRssMb: 512 }))';
    expect(await trial('fits', figures)).toEqual({ batchSize: 4, imagesPerSecond: 15, peakMb: 512 });
  });

  it.each([
    ['killed', "process.kill(process.pid, 'SIGKILL')"],
    ['refused', "console.error('PLB_TRAIN_DEVICE_OUT_OF_MEMORY: the card has no memory left'); process.exit(1)"],
    ['thrown', "console.error('std::bad_alloc'); process.exit(134)"],
  ])('takes it as too large when it ends for want of memory: %s', async (name, source) => {
    expect(await trial(name, source)).toBeUndefined();
  });

  it('passes any other failure on', async () => {
    const source = "console.error('PLB_CONFIG_INVALID: train.yaml:3:1: no'); process.exit(2)";
    await expect(trial('broken', source)).rejects.toMatchObject({
      code: 'PLB_TRAIN_BATCH_TRIAL_FAILED',
      params: { batchSize: 4, reason: 'PLB_CONFIG_INVALID: train.yaml:3:1: no' },
    });
  });
});
