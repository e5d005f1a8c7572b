import { describe, expect, it } from 'vitest';
import { Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { resultDraft, startReader, startStation, until } from '../fixtures/station.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);

describe.skipIf(!mosquittoProgram)('a broker that drops what a slow reader leaves beyond 1,000 messages', () => {
  it('costs repeats, not records, and no acknowledgement time-out', { timeout: 60_000 }, async () => {
    const broker = await Mosquitto.start();
    // It stores nothing more until the broker's queue has overflown, on a slow machine too; what comes later shows the hole.
    let hasOverflown = () => {};
    const overflow = new Promise<void>((resolve) => {
      hasOverflown = resolve;
    });
    const reader = startReader(broker.url, { maxQueued: 10 }, () => overflow);
    await until('the reader listens', () => reader.subscriber.isConnected);
    // The time-out is longer than the test: the losses must be seen in the acknowledgements themselves.
    const { outbox, publisher } = await startStation(broker.url, { publisher: { ackTimeoutMs: 120_000 } });
    const count = 6000;
    for (let i = 0; i < count; i += 250) {
      if (i === count / 2) {
        await until('the broker took the first half', () => outbox.stats().published === i, 20_000);
        expect(outbox.stats().depth).toBeGreaterThan(1000);
        hasOverflown();
      }
      await Promise.all(Array.from({ length: 250 }, () => outbox.append(resultDraft())));
    }
    await until('the broker took everything once', () => outbox.stats().published === count, 20_000);
    await until(
      'everything is acknowledged',
      () => outbox.stats().depth === 0,
      40_000,
      () => JSON.stringify([outbox.stats(), reader.subscriber.stats(), publisher.problem()?.message]),
    );
    // Some were lost indeed: their neighbours came twice.
    expect(reader.subscriber.stats().duplicates).toBeGreaterThan(0);
    expect(new Set(reader.ids).size).toBe(count);
    expect(reader.subscriber.stats()).toMatchObject({ received: count, gaps: 0, missing: 0 });
  });
});
