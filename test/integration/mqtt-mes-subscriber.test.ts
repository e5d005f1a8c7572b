import { MesSubscriber, type ReceivedResult } from '@plumbline/mes';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAedes } from '../fixtures/aedes-broker.js';
import { freePort, Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { observe } from '../fixtures/observer.js';
import { ScriptedBroker } from '../fixtures/scripted-broker.js';
import { baseTopic, resultDraft, startReader, startStation, until } from '../fixtures/station.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);
const topic = (suffix: string) => `${baseTopic}/_vision_v1/${suffix}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const epoch = 'epoch-1';

/** A valid result of a station that is not ours. */
function resultBody(seq: number, id = seq): string {
  return JSON.stringify({
    schema: 'vision.result/1',
    resultId: `01890a5d-ac96-774b-bcce-${String(id).padStart(12, '0')}`,
    sourceId: 'pcb-9',
    epoch,
    seq: String(seq),
    timestamp_ms: 1_700_000_000_000,
    jobId: 'job-1',
    isPartial: false,
    resultState: 1,
    resultEvaluation: 1,
    internalRecipeId: 'r',
    internalConfigurationId: 'c',
    creationTime: '2023-11-14T22:13:20.035Z',
    vendorField: 'kept in the body',
  });
}

async function setUp(options: Parameters<typeof startReader>[1] = {}) {
  const url = await startAedes();
  const { client, seen } = await observe(url, topic('ack'), 4);
  const reader = startReader(url, options);
  await until('the reader listens', () => reader.subscriber.isConnected);
  const send = (body: string, suffix = 'result') => client.publishAsync(topic(suffix), body, { qos: 1 });
  const acks = () => seen.map(({ body }) => JSON.parse(body));
  return { url, send, acks, ...reader };
}

describe('MesSubscriber', () => {
  it('acknowledges only the part of a stream that has no hole, and closes gaps with late arrivals', async () => {
    const { send, acks, subscriber, ids } = await setUp();
    for (const seq of [1, 2, 4]) await send(resultBody(seq));
    await until('the prefix is acknowledged', () => acks().at(-1)?.ackedSeq === '2');
    await pause(100);
    expect(acks().at(-1)).toEqual({ sourceId: 'pcb-9', epoch, ackedSeq: '2' });
    expect(subscriber.gaps()).toEqual([{ sourceId: 'pcb-9', epoch, fromSeq: '3', toSeq: '3' }]);
    await send(resultBody(3));
    await until('the gap is closed', () => acks().at(-1)?.ackedSeq === '4');
    expect(subscriber.stats()).toMatchObject({ received: 4, gaps: 0, missing: 0, duplicates: 0 });
    expect(ids.length).toBe(4);
  });

  it('gives a repeated record once and acknowledges it again: the station has not heard the first time', async () => {
    const { send, acks, subscriber, ids } = await setUp();
    await send(resultBody(1));
    await until('it is acknowledged', () => acks().length === 1);
    await send(resultBody(1));
    await until('it is acknowledged again', () => acks().length === 2);
    expect([ids.length, subscriber.stats().duplicates]).toEqual([1, 1]);
  });

  it('passes over what the station reports as dropped', async () => {
    const { send, acks, subscriber } = await setUp();
    for (const seq of [1, 6]) await send(resultBody(seq));
    const dropped = {
      schema: 'vision.event/1',
      eventId: '01890a5d-ac96-774b-bcce-000000000007',
      sourceId: 'pcb-9',
      epoch,
      seq: '7',
      timestamp_ms: 1,
      type: 'results_dropped',
      data: { reason: 'byte_cap', count: 4, notOk: 0, ranges: [['2', '5']] },
    };
    await send(JSON.stringify(dropped), 'event');
    await until('everything is acknowledged', () => acks().at(-1)?.ackedSeq === '7');
    expect(subscriber.stats()).toMatchObject({ received: 2, events: 1, gaps: 0, dropped: 4 });
  });

  it('acknowledges nothing of a stream that it joined in the middle until the station tells where it stands', async () => {
    const { send, acks, subscriber } = await setUp();
    await send(resultBody(105));
    await until('it is received', () => subscriber.stats().received === 1);
    await pause(100);
    expect(acks()).toEqual([]);
    const availability = {
      sourceId: 'pcb-9',
      state: 'online',
      timestamp_ms: 1,
      outbox: { epoch, ackedSeq: '103', lastSeq: '105' },
    };
    await send(JSON.stringify(availability), 'availability');
    await until('the station is told what is missing', () => acks().at(-1)?.ackedSeq === '103');
    await send(resultBody(104));
    await until('everything is acknowledged', () => acks().at(-1)?.ackedSeq === '105');
  });

  it('reports what is not valid and a seq that two records share, and goes on', async () => {
    const notices: string[] = [];
    const { send, subscriber, ids } = await setUp({ onNotice: (notice) => void notices.push(notice.kind) });
    await send('{');
    await send(JSON.stringify({ ...JSON.parse(resultBody(1)), resultEvaluation: 7 }));
    await send(resultBody(1));
    await send(resultBody(1, 99));
    await until('all were seen', () => ids.length === 2);
    expect(subscriber.stats()).toMatchObject({ received: 2, invalid: 2, conflicts: 1, duplicates: 0 });
    expect(notices).toEqual(['connected', 'invalid', 'invalid', 'conflict']);
  });

  it('keeps the payload as it was sent beside the typed result', async () => {
    const url = await startAedes();
    const subscriber = new MesSubscriber({ url });
    onTestFinished(() => subscriber.stop());
    subscriber.start();
    await until('the reader listens', () => subscriber.isConnected);
    const { client } = await observe(url, topic('ack'), 4);
    await client.publishAsync(topic('result'), resultBody(1), { qos: 1 });
    for await (const record of subscriber) {
      const { body, result, baseTopic: station, replayed } = record as ReceivedResult;
      expect([body, result.seq, station, replayed]).toEqual([resultBody(1), '1', baseTopic, null]);
      break;
    }
  });

  it('keeps trying when the broker is away: PLB_MES_BROKER_UNREACHABLE, without the password', async () => {
    const port = await freePort();
    const subscriber = new MesSubscriber({ url: `mqtt://user:secret@127.0.0.1:${port}` });
    onTestFinished(() => subscriber.stop());
    subscriber.start();
    await until('it gives its problem', () => subscriber.problem() !== null);
    expect(subscriber.problem()).toMatchObject({
      code: 'PLB_MES_BROKER_UNREACHABLE',
      params: { url: `mqtt://127.0.0.1:${port}`, reason: 'ECONNREFUSED' },
    });
  });

  it.each([
    ['stays with MQTT 5 when the broker closed the first connection without a word', 1, [5, 5]],
    ['goes to MQTT 3.1.1 when the broker closes every MQTT 5 connection without a word', 9, [5, 5, 4]],
  ])('%s', async (_, silentCount, versions) => {
    const broker = await ScriptedBroker.start({ isSilent: (count, version) => version === 5 && count < silentCount });
    const { subscriber } = startReader(broker.url);
    await until('the reader listens', () => subscriber.isConnected);
    expect(broker.versions).toEqual(versions);
  });
});

describe.skipIf(!mosquittoProgram)('MesSubscriber over MQTT 5', () => {
  it('receives what came while it was away when it has a name', async () => {
    const broker = await Mosquitto.start();
    const first = startReader(broker.url, { consumer: 'mes-1', ack: false });
    await until('it listens', () => first.subscriber.isConnected);
    await first.subscriber.stop();
    const { outbox } = await startStation(broker.url, { ack: false });
    const receipts = await Promise.all(Array.from({ length: 20 }, () => outbox.append(resultDraft())));
    await until('the broker has them', () => outbox.stats().published === 20);
    const second = startReader(broker.url, { consumer: 'mes-1', ack: false });
    await until('they arrive', () => second.ids.length === 20);
    expect(second.ids).toEqual(receipts.map(({ resultId }) => resultId));
  });

  it('leaves a record that the consumer did not confirm with the broker', async () => {
    const broker = await Mosquitto.start();
    const subscriber = new MesSubscriber({ url: broker.url, consumer: 'mes-1' });
    onTestFinished(() => subscriber.stop());
    subscriber.start();
    await until('it listens', () => subscriber.isConnected);
    const { outbox } = await startStation(broker.url, { ack: false });
    await Promise.all([outbox.append(resultDraft()), outbox.append(resultDraft())]);
    const seqs: string[] = [];
    for await (const record of subscriber) {
      seqs.push((record as ReceivedResult).result.seq);
      if (seqs.length === 2) break; // the second is not confirmed: the consumer fails here
    }
    await subscriber.stop();
    const next = startReader(broker.url, { consumer: 'mes-1', ack: false });
    await until('the second comes again', () => next.subscriber.stats().received >= 1);
    await pause(100);
    expect([seqs, next.subscriber.stats().received]).toEqual([['1', '2'], 1]);
  });

  it('gets what an earlier process of the same consumer took from the broker but never stored', async () => {
    const broker = await Mosquitto.start();
    const { outbox } = await startStation(broker.url, { publisher: { ackTimeoutMs: 300 } });
    const failing = new MesSubscriber({ url: broker.url, consumer: 'mes-1', ack: true });
    onTestFinished(() => failing.stop());
    failing.start();
    await until('it listens', () => failing.isConnected);
    const receipts = await Promise.all(Array.from({ length: 300 }, () => outbox.append(resultDraft())));
    let stored = 0;
    for await (const record of failing) {
      if (++stored === 100) break; // 300 were taken from the broker, 99 are confirmed
      void record;
    }
    await until('the broker is rid of them', () => outbox.stats().published === 300);
    await failing.stop();
    const next = startReader(broker.url, { consumer: 'mes-1' });
    await until(
      'everything is acknowledged',
      () => outbox.stats().depth === 0,
      15_000,
      () => JSON.stringify(outbox.stats()),
    );
    const have = new Set(next.ids);
    expect(receipts.slice(stored).filter(({ resultId }) => !have.has(resultId))).toEqual([]);
  });
});
