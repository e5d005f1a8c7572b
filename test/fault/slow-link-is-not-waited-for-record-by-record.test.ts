import { describe, expect, it } from 'vitest';
import { Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { startSlowLink } from '../fixtures/slow-link.js';
import { resultDraft, startReader, startStation, until } from '../fixtures/station.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);

describe.skipIf(!mosquittoProgram)('a link with 20 ms round trip', () => {
  // The serial replay of mqtt.js' own store took 21.9 s for 1,000 records here; a window of 64 needs 16 round trips.
  it('carries a backlog of 1,000 records in less than half a round trip each, after a reconnect too', async () => {
    const broker = await Mosquitto.start(['max_queued_messages 0']);
    const { subscriber, ids } = startReader(broker.url, { consumer: 'mes-1' });
    await until('the reader listens', () => subscriber.isConnected);
    const port = await startSlowLink(broker.port, 10);
    const { outbox, publisher } = await startStation(`mqtt://127.0.0.1:${port}`);
    await until('it is connected', () => publisher.status().state === 'connected');
    await broker.kill();
    const receipts = await Promise.all(Array.from({ length: 1000 }, () => outbox.append(resultDraft())));
    await until('it notices', () => publisher.status().state !== 'connected');
    await broker.run();
    await until('it is connected again', () => publisher.status().state === 'connected');
    const startedMs = performance.now();
    await until(
      'everything is acknowledged',
      () => outbox.stats().depth === 0,
      15_000,
      () => JSON.stringify(outbox.stats()),
    );
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect([...ids].sort()).toEqual(receipts.map(({ resultId }) => resultId));
    expect(subscriber.stats()).toMatchObject({ received: 1000, gaps: 0 });
  });
});
