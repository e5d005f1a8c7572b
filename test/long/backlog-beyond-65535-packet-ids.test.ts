import { describe, expect, it } from 'vitest';
import { Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { resultDraft, startReader, startStation, until } from '../fixtures/station.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);

describe.skipIf(!mosquittoProgram)('a backlog of more records than MQTT has packet ids', () => {
  // mqtt.js' default id provider wraps at 65,535 and overwrites what is unacknowledged: 34,465 of 100,000 were lost.
  it('is delivered completely: 70,000 records stored while the broker is away', { timeout: 180_000 }, async () => {
    const broker = await Mosquitto.start();
    await broker.kill();
    const { outbox, publisher } = await startStation(broker.url);
    const count = 70_000;
    for (let i = 0; i < count; i += 250) {
      await Promise.all(Array.from({ length: 250 }, () => outbox.append(resultDraft())));
    }
    expect(outbox.stats()).toMatchObject({ depth: count, published: 0 });
    expect(publisher.problem()?.code).toBe('PLB_EDGE_BROKER_UNREACHABLE');
    await broker.run();
    const { subscriber, ids } = startReader(broker.url);
    await until(
      'everything is acknowledged',
      () => outbox.stats().depth === 0,
      150_000,
      () => JSON.stringify(outbox.stats()),
    );
    expect(new Set(ids).size).toBe(count);
    expect(subscriber.stats()).toMatchObject({ received: count, gaps: 0, missing: 0 });
  });
});
