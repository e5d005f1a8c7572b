import { describe, expect, it } from 'vitest';
import { startAedes } from '../fixtures/aedes-broker.js';
import { observe } from '../fixtures/observer.js';
import { baseTopic, resultDraft, startReader, startStation, until } from '../fixtures/station.js';

describe('a broker that speaks MQTT 3.1.1 only', () => {
  it('gets every record from the publisher and gives every record to the subscriber, acknowledged', async () => {
    const url = await startAedes();
    const protocols: string[] = [];
    const { subscriber, ids } = startReader(url, {
      onNotice: (notice) => void (notice.kind === 'connected' && protocols.push(notice.protocol)),
    });
    await until('the reader listens', () => subscriber.isConnected);
    const { outbox, publisher } = await startStation(url);
    const receipts = await Promise.all(Array.from({ length: 500 }, () => outbox.append(resultDraft())));
    await until(
      'everything is acknowledged',
      () => outbox.stats().depth === 0,
      10_000,
      () => JSON.stringify(outbox.stats()),
    );
    expect([publisher.status().protocol, protocols]).toEqual(['MQTT 3.1.1', ['MQTT 3.1.1']]);
    expect(ids).toEqual(receipts.map(({ resultId }) => resultId));
    expect(subscriber.stats()).toMatchObject({ received: 500, duplicates: 0, gaps: 0 });
  });

  it('tells by its retained availability and state what the station does', async () => {
    const url = await startAedes();
    const { outbox, publisher } = await startStation(url);
    publisher.setState('ContinuousExecution');
    await until('it is connected', () => publisher.status().state === 'connected');
    const { seen } = await observe(url, `${baseTopic}/_vision_v1/#`, 4);
    const last = (suffix: string) =>
      JSON.parse(seen.filter(({ topic }) => topic.endsWith(suffix)).at(-1)?.body ?? '{}');
    await until(
      'it is online',
      () => last('/availability').state === 'online' && last('/state').state === 'ContinuousExecution',
    );
    expect(seen.every(({ packet }) => packet.retain)).toBe(true);
    expect(last('/availability').outbox).toEqual({ epoch: outbox.stats().epoch, ackedSeq: '0', lastSeq: '0' });
    publisher.setAvailability('degraded');
    publisher.setState('Error');
    await until('it is degraded', () => last('/availability').state === 'degraded' && last('/state').state === 'Error');
    await publisher.stop();
    await until('it is offline', () => last('/availability').state === 'offline');
    expect(publisher.status()).toMatchObject({ state: 'disabled', sinceMs: null });
  });
});
