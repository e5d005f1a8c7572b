import Database from 'libsql';
import { describe, expect, it } from 'vitest';
import { ScriptedBroker } from '../fixtures/scripted-broker.js';
import { resultDraft, startStation, until } from '../fixtures/station.js';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('what a broker says', () => {
  it('[MQTT-3.3.4-9] never has more unanswered publishes on the way than its Receive Maximum', async () => {
    const broker = await ScriptedBroker.start({ receiveMaximum: 5, pubackCode: () => null });
    const { outbox } = await startStation(broker.url, { publisher: { pubackTimeoutMs: 60_000, stopTimeoutMs: 1000 } });
    await Promise.all(Array.from({ length: 50 }, () => outbox.append(resultDraft())));
    await until('the window is full', () => broker.published.length >= 5);
    await pause(200);
    expect(broker.published.length).toBe(5);
  });

  it('limits the window to 64 for a broker that names no Receive Maximum', async () => {
    const broker = await ScriptedBroker.start({ pubackCode: () => null });
    const { outbox } = await startStation(broker.url, { publisher: { pubackTimeoutMs: 60_000, stopTimeoutMs: 1000 } });
    await Promise.all(Array.from({ length: 100 }, () => outbox.append(resultDraft())));
    await until('the window is full', () => broker.published.length >= 64);
    await pause(200);
    expect(broker.published.length).toBe(64);
  });

  it('[MQTT-3.2.2-15] holds back a record above its Maximum Packet Size and says so with PLB_EDGE_PUBLISH_REFUSED', async () => {
    const broker = await ScriptedBroker.start({ maximumPacketSize: 1500 });
    const { outbox, publisher } = await startStation(broker.url, { ack: false });
    await outbox.append(resultDraft('OK', 'x'.repeat(2000)));
    await until('it is held back', () => publisher.problem()?.code === 'PLB_EDGE_PUBLISH_REFUSED');
    expect(broker.publishedOn('/result')).toEqual([]);
    expect(outbox.stats()).toMatchObject({ depth: 1, published: 0 });
    expect(publisher.status().state).toBe('connected');
  });

  it('a refused connection is PLB_EDGE_BROKER_REFUSED with its reason, and tried again until it is accepted', async () => {
    let isLocked = true;
    const broker = await ScriptedBroker.start({ connackCode: () => (isLocked ? 0x86 : 0) });
    const { outbox, publisher } = await startStation(broker.url, { ack: false });
    await until('it is refused', () => publisher.problem()?.code === 'PLB_EDGE_BROKER_REFUSED');
    expect(publisher.problem()?.message).toMatch(/Bad User Name or Password, 0x86/);
    expect(publisher.health().state).toBe('degraded');
    await outbox.append(resultDraft());
    isLocked = false;
    await until('it is delivered', () => outbox.stats().published === 1);
    expect([publisher.problem(), publisher.health()]).toEqual([null, { state: 'ok' }]);
  });

  it('a refused message (quota, 0x97) stays in the outbox and is offered again until it is taken', async () => {
    let isFull = true;
    const broker = await ScriptedBroker.start({
      pubackCode: (topic) => (isFull && topic.endsWith('/result') ? 0x97 : 0),
    });
    const { outbox, publisher } = await startStation(broker.url, { ack: false });
    await Promise.all(Array.from({ length: 10 }, () => outbox.append(resultDraft())));
    await until('it is refused', () => publisher.problem()?.code === 'PLB_EDGE_PUBLISH_REFUSED');
    expect(publisher.problem()?.message).toMatch(/Quota exceeded/);
    expect(outbox.stats()).toMatchObject({ depth: 10, published: 0 });
    isFull = false;
    await until('it is delivered', () => outbox.stats().depth === 0);
    expect([publisher.problem(), outbox.stats().published]).toEqual([null, 10]);
  });

  it('a result that nobody is subscribed to (0x10) is undelivered: PLB_EDGE_PUBLISH_UNHEARD, and probed with one record', async () => {
    const broker = await ScriptedBroker.start({ pubackCode: (topic) => (topic.endsWith('/result') ? 0x10 : 0) });
    const { outbox, publisher } = await startStation(broker.url, {
      ack: false,
      publisher: { retryMs: { min: 100, max: 100 } },
    });
    await Promise.all(Array.from({ length: 10 }, () => outbox.append(resultDraft())));
    await until('it is unheard', () => publisher.problem()?.code === 'PLB_EDGE_PUBLISH_UNHEARD');
    const afterWindow = broker.publishedOn('/result').length;
    await pause(550);
    const probes = broker.publishedOn('/result').length - afterWindow;
    expect(probes).toBeGreaterThanOrEqual(3);
    expect(probes).toBeLessThanOrEqual(6);
    expect(outbox.stats()).toMatchObject({ depth: 10, published: 0 });
  });

  it('an event that nobody is subscribed to (0x10) is delivered', async () => {
    const broker = await ScriptedBroker.start({ pubackCode: () => 0x10 });
    const { outbox, publisher } = await startStation(broker.url, { ack: false });
    await outbox.append({ kind: 'event', type: 'job_started', data: {}, timestampMs: 1 });
    await until('it is delivered', () => outbox.stats().publishedEvents === 1);
    expect(publisher.problem()).toBeNull();
  });

  it('a refused subscription to the ack topic is PLB_EDGE_ACK_REFUSED; results flow all the same', async () => {
    const broker = await ScriptedBroker.start({ subackCode: 0x87 });
    const { outbox, publisher } = await startStation(broker.url, { publisher: { ackTimeoutMs: 60_000 } });
    await outbox.append(resultDraft());
    await until('it is refused', () => publisher.problem()?.code === 'PLB_EDGE_ACK_REFUSED');
    await until('it is published', () => outbox.stats().published === 1);
    expect(outbox.stats().depth).toBe(1);
  });

  it('an outbox that cannot be read is PLB_EDGE_OUTBOX_READ_FAILED, ends nothing, and delivery goes on when it can', async () => {
    const broker = await ScriptedBroker.start({});
    let isBroken = false;
    const { outbox, publisher } = await startStation(broker.url, {
      ack: false,
      outbox: {
        openDatabase: (path) => {
          const db = new Database(path);
          const prepare = db.prepare.bind(db);
          db.prepare = (sql) => {
            if (isBroken && sql.startsWith('SELECT')) throw new Error('disk I/O error');
            return prepare(sql);
          };
          return db;
        },
      },
    });
    await until('it is connected', () => publisher.status().state === 'connected');
    isBroken = true;
    await outbox.append(resultDraft());
    await until('it is reported', () => publisher.problem()?.code === 'PLB_EDGE_OUTBOX_READ_FAILED');
    expect(outbox.stats().oldestAgeMs).toBeNull();
    expect(outbox.health().state).toBe('degraded');
    isBroken = false;
    await until('it is delivered', () => outbox.stats().published === 1);
    expect(publisher.problem()).toBeNull();
  });

  it('closing the first connection without a word does not lead to MQTT 3.1.1, which knows no refused messages', async () => {
    const broker = await ScriptedBroker.start({ isSilent: (connection) => connection === 0 });
    const { publisher } = await startStation(broker.url, { ack: false });
    await until('it is connected', () => publisher.status().state === 'connected');
    expect([publisher.status().protocol, broker.versions]).toEqual(['MQTT 5', [5, 5]]);
  });

  it('closing every MQTT 5 connection without a word does', async () => {
    const broker = await ScriptedBroker.start({ isSilent: (_connection, version) => version === 5 });
    const { outbox, publisher } = await startStation(broker.url, { ack: false });
    await outbox.append(resultDraft());
    await until('it is delivered', () => outbox.stats().published === 1);
    expect([publisher.status().protocol, broker.versions]).toEqual(['MQTT 3.1.1', [5, 5, 4]]);
  });

  it('is heard in MQTT 5 for ever once it has spoken it, however often it closes without a word', async () => {
    const broker = await ScriptedBroker.start({ isSilent: (connection) => connection > 0 && connection < 6 });
    const { publisher } = await startStation(broker.url, { ack: false });
    await until('it is connected', () => publisher.status().state === 'connected');
    broker.dropConnections();
    await until('it is connected again', () => broker.connections > 6 && publisher.status().state === 'connected');
    expect(new Set(broker.versions)).toEqual(new Set([5]));
  });
});
