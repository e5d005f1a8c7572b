import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { resultDraft, startReader, startStation, until } from '../fixtures/station.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);

describe.skipIf(!mosquittoProgram)('SIGKILL of the broker', () => {
  it('five times in the middle of a stream loses nothing: the ids stored and the ids received are equal', {
    timeout: 60_000,
  }, async () => {
    const broker = await Mosquitto.start();
    // Slower than the line: at each kill the broker holds records that it has confirmed to the station by PUBACK.
    const reader = startReader(broker.url, { consumer: 'mes-1', maxQueued: 10 }, () => setTimeout(10));
    const station = await startStation(broker.url);
    const stored: string[] = [];
    let isProducing = true;
    const producing = (async () => {
      for (let i = 0; isProducing; i++) {
        // Bursts, so that every kill meets a window of records on the way.
        const receipts = await Promise.all(
          Array.from({ length: 20 }, () => station.outbox.append(resultDraft('OK', `f${i}`))),
        );
        stored.push(...receipts.map(({ resultId }) => resultId));
        await setTimeout(15);
      }
    })();
    for (let kill = 0; kill < 5; kill++) {
      const before = reader.ids.length;
      await until('records flow', () => reader.ids.length > before + 100);
      await broker.kill();
      await setTimeout(150);
      await broker.run();
    }
    isProducing = false;
    await producing;
    await until(
      'everything is acknowledged',
      () => station.outbox.stats().depth === 0,
      40_000,
      () => JSON.stringify([station.outbox.stats(), reader.subscriber.stats()]),
    );
    expect(stored.length).toBeGreaterThan(500);
    expect([...reader.ids].sort()).toEqual([...stored].sort());
    expect(reader.subscriber.stats()).toMatchObject({
      received: stored.length,
      gaps: 0,
      missing: 0,
      invalid: 0,
      conflicts: 0,
    });
    expect(station.outbox.stats()).toMatchObject({
      published: stored.length,
      dropped: 0,
      lastSeq: String(stored.length),
    });
  });
});
