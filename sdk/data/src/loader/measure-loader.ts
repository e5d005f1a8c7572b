import type { TrainConfig } from '@plumbline/contract';
import type { Dataset } from '../dataset/index.js';
import { BatchLoader } from './batch-loader.js';

export interface LoaderFigures {
  readonly images: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** Seconds of CPU, all threads, per second: 2 means two cores were busy. */
  readonly busyCores: number;
}

/**
 * Asks for one batch after the other and does nothing with it.
 * @param fromCache true: one epoch passes before the clock starts, so that images come from memory as far as
 * `loader.cacheMegabytes` holds them; false: no image is kept, each is decoded every time
 */
export async function measureLoader(
  dataset: Dataset,
  config: TrainConfig,
  seconds: number,
  fromCache: boolean,
): Promise<LoaderFigures> {
  const settings = fromCache ? config : { ...config, loader: { ...config.loader, cacheMegabytes: 0 } };
  const loader = new BatchLoader(dataset, settings);
  try {
    const before = fromCache ? loader.stepsPerEpoch + 1 : 2;
    let step = 0;
    const next = async () => (await loader.batch(step++)).release();
    while (step < before) await next();
    const startedMs = performance.now();
    const cpu = process.cpuUsage();
    while (performance.now() - startedMs < 1000 * seconds) await next();
    const elapsed = (performance.now() - startedMs) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const images = (step - before) * config.schedule.batchSize;
    return { images, seconds: elapsed, imagesPerSecond: images / elapsed, busyCores: (user + system) / 1e6 / elapsed };
  } finally {
    await loader.close();
  }
}
