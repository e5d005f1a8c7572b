import { expect, it } from 'vitest';
import { ScriptedBroker } from '../fixtures/scripted-broker.js';
import { resultDraft, startStation, until } from '../fixtures/station.js';

it('a connection that swallows records is dropped after the PUBACK time-out and everything is sent again', async () => {
  // The first connection stays open and answers nothing, as after a cable was pulled behind a switch.
  const broker = await ScriptedBroker.start({ pubackCode: (_topic, connection) => (connection === 0 ? null : 0) });
  const { outbox, publisher } = await startStation(broker.url, { ack: false, publisher: { pubackTimeoutMs: 300 } });
  await Promise.all(Array.from({ length: 30 }, () => outbox.append(resultDraft())));
  await until(
    'the connection is given up',
    () => publisher.problem()?.code === 'PLB_EDGE_BROKER_LOST' || broker.connections > 1,
  );
  await until('everything is delivered', () => outbox.stats().depth === 0);
  expect(broker.publishedOn('/result').filter(({ connection }) => connection === 1).length).toBe(30);
  expect(outbox.stats().published).toBe(30);
});
