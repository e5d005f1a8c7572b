import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { availabilitySchema, resultSchema } from '@plumbline/contract';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort, Mosquitto, mosquittoMissing, mosquittoProgram } from '../fixtures/mosquitto.js';
import { observe } from '../fixtures/observer.js';
import { baseTopic, resultDraft, startReader, startStation, until } from '../fixtures/station.js';

if (!mosquittoProgram) console.warn(mosquittoMissing);
const topic = (suffix: string) => `${baseTopic}/_vision_v1/${suffix}`;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.skipIf(!mosquittoProgram)('delivery over MQTT 5', () => {
  it('sends results as the contract says: topic, QoS 1, not retained, JSON, user properties', async () => {
    const broker = await Mosquitto.start();
    const { seen } = await observe(broker.url, topic('result'));
    const { outbox, publisher } = await startStation(broker.url, { ack: false });
    const receipt = await outbox.append(resultDraft('NotOK'));
    await until('it arrives', () => seen.length === 1);
    const { packet, body } = seen[0]!;
    expect(publisher.status()).toMatchObject({ state: 'connected', protocol: 'MQTT 5', url: broker.url });
    expect([packet.qos, packet.retain]).toEqual([1, false]);
    expect(packet.properties).toMatchObject({ contentType: 'application/json', payloadFormatIndicator: true });
    expect({ ...packet.properties?.userProperties }).toEqual({
      schema: 'vision.result/1',
      resultId: receipt.resultId,
      seq: '1',
      replayed: 'false',
    });
    expect(resultSchema.parse(JSON.parse(body))).toEqual(receipt.body);
  });

  it('keeps results while nobody subscribes, and delivers them in order once somebody does', async () => {
    const broker = await Mosquitto.start();
    const { outbox, publisher } = await startStation(broker.url);
    const receipts = await Promise.all(Array.from({ length: 200 }, () => outbox.append(resultDraft())));
    await until('it is unheard', () => publisher.problem()?.code === 'PLB_EDGE_PUBLISH_UNHEARD');
    await pause(300);
    expect(outbox.stats()).toMatchObject({ depth: 200, published: 0 });
    const { ids } = startReader(broker.url);
    await until('everything is acknowledged', () => outbox.stats().depth === 0);
    expect(ids).toEqual(receipts.map(({ resultId }) => resultId));
    expect(publisher.problem()).toBeNull();
  });

  it('stores verdicts while the broker is away at start and later, without delay', async () => {
    const broker = await Mosquitto.start();
    await broker.kill();
    const { outbox, publisher } = await startStation(broker.url);
    await until('it notices', () => publisher.problem()?.code === 'PLB_EDGE_BROKER_UNREACHABLE');
    const startedMs = performance.now();
    await outbox.append(resultDraft());
    expect(performance.now() - startedMs).toBeLessThan(1000);
    expect([outbox.stats().depth, publisher.health().state]).toEqual([1, 'degraded']);
    await broker.run();
    const { ids } = startReader(broker.url, { consumer: 'mes-1' });
    await until('the first is delivered', () => ids.length === 1);
    await broker.kill();
    await until('it is disconnected', () => publisher.status().state !== 'connected');
    expect(['PLB_EDGE_BROKER_LOST', 'PLB_EDGE_BROKER_UNREACHABLE']).toContain(publisher.problem()?.code);
    await outbox.append(resultDraft());
    await broker.run();
    await until('the second is delivered', () => ids.length === 2 && outbox.stats().depth === 0);
  });

  it('repeats unacknowledged records byte for byte after a reconnect, and says that they are replayed', async () => {
    const broker = await Mosquitto.start();
    const first = await observe(broker.url, topic('result'));
    const { outbox } = await startStation(broker.url);
    await outbox.append(resultDraft());
    await until('it is published', () => first.seen.length === 1 && outbox.stats().published === 1);
    await broker.kill();
    await broker.run();
    const second = await observe(broker.url, topic('result'));
    await until('it is sent again', () => second.seen.length >= 1);
    expect(second.seen[0]!.body).toBe(first.seen[0]!.body);
    expect(second.seen[0]!.packet.properties?.userProperties?.replayed).toBe('true');
    expect(outbox.stats()).toMatchObject({ published: 1, depth: 1 });
  });

  it('sends again what the MES does not acknowledge, on a connection that was never lost: PLB_EDGE_ACK_OVERDUE', async () => {
    const broker = await Mosquitto.start();
    const { client, seen } = await observe(broker.url, topic('result'));
    const { outbox, publisher } = await startStation(broker.url, { publisher: { ackTimeoutMs: 300 } });
    const receipts = await Promise.all(Array.from({ length: 150 }, () => outbox.append(resultDraft())));
    await until('it is overdue', () => publisher.problem()?.code === 'PLB_EDGE_ACK_OVERDUE');
    await until(
      'the first window comes again',
      () => seen.length >= 150 + 64,
      10_000,
      () => JSON.stringify([seen.length, outbox.stats(), publisher.problem()?.message]),
    );
    const { epoch } = receipts[0]!;
    await client.publishAsync(topic('ack'), JSON.stringify({ sourceId: 'pcb-1', epoch, ackedSeq: '10' }), { qos: 1 });
    await until('everything after the answer comes again', () =>
      new Set(seen.slice(150 + 64).map(({ body }) => JSON.parse(body).seq)).has('150'),
    );
    await client.publishAsync(topic('ack'), JSON.stringify({ sourceId: 'pcb-1', epoch, ackedSeq: '150' }), { qos: 1 });
    await until('it is over', () => publisher.problem() === null && outbox.stats().depth === 0);
  });

  it('believes only acknowledgements of its own stream, and none beyond it: PLB_EDGE_ACK_BEYOND_STREAM', async () => {
    const broker = await Mosquitto.start();
    const { client } = await observe(broker.url, topic('result'));
    const { outbox, publisher } = await startStation(broker.url, { publisher: { ackTimeoutMs: 60_000 } });
    const { epoch } = await outbox.append(resultDraft());
    await until('it is published', () => outbox.stats().published === 1);
    const wrong = [
      'no json',
      JSON.stringify({ sourceId: 'pcb-2', epoch, ackedSeq: '1' }),
      JSON.stringify({ sourceId: 'pcb-1', epoch: 'another', ackedSeq: '1' }),
      JSON.stringify({ sourceId: 'pcb-1', epoch, ackedSeq: '-1' }),
      JSON.stringify({ sourceId: 'pcb-1', epoch, ackedSeq: 1 }),
      JSON.stringify({ sourceId: 'pcb-1', epoch, ackedSeq: '18446744073709551615' }),
    ];
    for (const body of wrong) await client.publishAsync(topic('ack'), body, { qos: 1 });
    await until('it complains', () => publisher.problem()?.code === 'PLB_EDGE_ACK_BEYOND_STREAM');
    expect(outbox.cursors()).toMatchObject({ ackedSeq: 0 });
    await client.publishAsync(topic('ack'), JSON.stringify({ sourceId: 'pcb-1', epoch, ackedSeq: '1' }), { qos: 1 });
    await until('the right one counts', () => outbox.stats().depth === 0);
    expect(publisher.problem()).toBeNull();
  });

  it('leaves "offline" behind as its last will when it is killed', async () => {
    const broker = await Mosquitto.start();
    const folder = mkdtempSync(join(tmpdir(), 'plumbline-will-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const { seen } = await observe(broker.url, topic('availability'));
    const script = join(import.meta.dirname, '..', 'fixtures', 'producing-station.mjs');
    const child = spawn(process.execPath, [script, join(folder, 'outbox.db'), broker.url, baseTopic], {
      stdio: 'ignore',
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const states = () => seen.map(({ body }) => availabilitySchema.parse(JSON.parse(body)).state);
    await until('it is online', () => states().at(-1) === 'online');
    child.kill('SIGKILL');
    await once(child, 'close');
    await until('it is offline', () => states().at(-1) === 'offline');
    const late = await observe(broker.url, topic('availability'));
    await until('the will is retained', () => late.seen.length === 1);
    expect(JSON.parse(late.seen[0]!.body)).toMatchObject({ sourceId: 'pcb-1', state: 'offline' });
  });

  it('sends what is left when it is stopped, and stops at once when nobody listens', async () => {
    // By default Mosquitto drops what a reader has not taken beyond 1,000 messages.
    const broker = await Mosquitto.start(['max_queued_messages 0']);
    const { subscriber, ids } = startReader(broker.url);
    await until('the reader listens', () => subscriber.isConnected);
    const { outbox, publisher } = await startStation(broker.url, { publisher: { stopTimeoutMs: 20_000 } });
    await until('it is connected', () => publisher.status().state === 'connected');
    await Promise.all(Array.from({ length: 2000 }, () => outbox.append(resultDraft())));
    await publisher.stop();
    expect([outbox.stats().depth, ids.length]).toEqual([0, 2000]);

    const away = await startStation(`mqtt://127.0.0.1:${await freePort()}`);
    await away.outbox.append(resultDraft());
    const startedMs = performance.now();
    await away.publisher.stop();
    expect(performance.now() - startedMs).toBeLessThan(500);
    expect(away.outbox.stats().depth).toBe(1);
  });
});
