import { randomBytes } from 'node:crypto';
import {
  availabilitySchema,
  type DroppedRange,
  eventSchema,
  isPlumblineError,
  PlumblineError,
  resultSchema,
  resultsDroppedDataSchema,
  topicFor,
  type VisionAck,
  type VisionEvent,
  type VisionResult,
} from '@plumbline/contract';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { Connector, redactUrl, type TlsOptions } from './connect.js';
import { type SeqGap, StreamTracker } from './stream-tracker.js';
import { baseTopicFilter, splitTopic } from './topic-filter.js';

interface Received {
  /** `{enterprise}/{site}/{area}/{line}/{cell}`. */
  readonly baseTopic: string;
  /** The payload as sent. */
  readonly body: string;
  /** The station had sent it before; null when the broker speaks MQTT 3.1.1, which cannot tell. */
  readonly replayed: boolean | null;
}

export interface ReceivedResult extends Received {
  readonly kind: 'result';
  readonly result: VisionResult;
}

export interface ReceivedEvent extends Received {
  readonly kind: 'event';
  readonly event: VisionEvent;
}

export type MesRecord = ReceivedResult | ReceivedEvent;

export interface MesSubscriberOptions {
  readonly url: string;
  /** Stations to listen to, default all: `acme/berlin/#`, `acme/+/smt/+/+`. */
  readonly filter?: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  /**
   * Name of this consumer. The broker then keeps its messages while it is away (persistent session), and two processes
   * with the same name end each other's connection. Without it the session ends with the connection.
   */
  readonly consumer?: string;
  /** Publish to the ack topic what the consumer has stored. One consumer per station may do this. */
  readonly ack?: boolean;
  /** Least time between two acknowledgements of a station, default 100 ms. */
  readonly ackIntervalMs?: number;
  /** With `ack`: records taken from the broker ahead of the consumer, default 1000. */
  readonly maxQueued?: number;
  /** Called when the connection is made or lost and when a message is not understood. */
  readonly onNotice?: (notice: MesNotice) => void;
}

export type MesNotice =
  | { readonly kind: 'connected'; readonly protocol: string }
  | { readonly kind: 'disconnected'; readonly problem: PlumblineError }
  | { readonly kind: 'invalid'; readonly topic: string; readonly problem: string }
  | { readonly kind: 'conflict'; readonly sourceId: string; readonly seq: string };

export interface MesStats {
  /** Distinct results. */
  readonly received: number;
  /** Distinct events. */
  readonly events: number;
  /** Copies of records that had arrived before. */
  readonly duplicates: number;
  /** Holes in the streams at present. */
  readonly gaps: number;
  /** Records in these holes. */
  readonly missing: number;
  /** Records that the stations report as given up. */
  readonly dropped: number;
  /** Messages that are no valid result or event. */
  readonly invalid: number;
  readonly conflicts: number;
}

export interface StreamGap extends SeqGap {
  readonly sourceId: string;
  readonly epoch: string;
}

interface Stream {
  readonly sourceId: string;
  readonly epoch: string;
  readonly tracker: StreamTracker;
  baseTopic: string;
  /** Something happened that the station should hear about. */
  isAckDue: boolean;
}

interface Queued {
  readonly record: MesRecord;
  confirm(): void;
}

const maxStreams = 10_000;
const maxReconnectMs = 10_000;

/**
 * The reader's side of a line: typed results and events from a broker, each once, with gaps and acknowledgements.
 *
 * `for await (const record of subscriber)`: asking for the next record confirms the one before as stored. Without `ack`
 * the broker gets its PUBACK then; with `ack` the station is told on the ack topic, and only about the part of its stream
 * that is stored without a hole.
 */
export class MesSubscriber implements AsyncIterable<MesRecord> {
  private readonly baseFilter: string;
  private readonly clientId: string;
  private readonly abort = new AbortController();
  private readonly streams = new Map<string, Stream>();
  private queue: Queued[] = [];
  private wakeReader: (() => void) | null = null;
  private waitingForRoom: (() => void)[] = [];
  /** PUBACKs of copies of records that the consumer has not confirmed yet, by id. */
  private readonly unconfirmed = new Map<string, (() => void)[]>();
  private client: MqttClient | null = null;
  private loop: Promise<void> | null = null;
  private stopping: Promise<void> | null = null;
  private isStopping = false;
  private isSubscribed = false;
  private ackTimer: NodeJS.Timeout | null = null;
  private problemNow: PlumblineError | null = null;
  private readonly counts = { received: 0, events: 0, duplicates: 0, invalid: 0, conflicts: 0 };

  /** @throws {PlumblineError} PLB_MES_FILTER_INVALID */
  constructor(private readonly options: MesSubscriberOptions) {
    this.baseFilter = baseTopicFilter(options.filter ?? '#');
    this.clientId = `plumbline-mes-${options.consumer ?? randomBytes(6).toString('hex')}`;
  }

  /** Connects and stays connected until {@link stop}; does not wait for the broker. */
  start(): void {
    this.loop ??= this.stayConnected();
  }

  /** Ends the iteration, sends the acknowledgements that are due and disconnects. */
  stop(): Promise<void> {
    this.stopping ??= this.shutDown();
    return this.stopping;
  }

  private async shutDown(): Promise<void> {
    this.isStopping = true;
    this.wakeReader?.();
    // A consumer that is waiting for the next record has confirmed the last one by then.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.ackTimer) clearTimeout(this.ackTimer);
    if (this.client?.connected) await Promise.race([this.publishAcks(), sleep(1000, this.abort.signal)]);
    this.abort.abort();
    for (const proceed of this.waitingForRoom.splice(0)) proceed();
    await this.loop;
  }

  /** True while it is connected and subscribed: what is published from now on is received. */
  get isConnected(): boolean {
    return this.isSubscribed;
  }

  /** Why there is no connection at present; null while there is one. */
  problem(): PlumblineError | null {
    return this.problemNow;
  }

  stats(): MesStats {
    const gaps = this.gaps();
    const missing = gaps.reduce((sum, gap) => sum + (BigInt(gap.toSeq) - BigInt(gap.fromSeq) + 1n), 0n);
    let dropped = 0n;
    for (const { tracker } of this.streams.values()) dropped += tracker.dropped;
    return { ...this.counts, gaps: gaps.length, missing: Number(missing), dropped: Number(dropped) };
  }

  /** Records that are missing at present; late arrivals close a gap. */
  gaps(): StreamGap[] {
    return [...this.streams.values()].flatMap(({ sourceId, epoch, tracker }) =>
      tracker.gaps().map((gap) => ({ sourceId, epoch, ...gap })),
    );
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<MesRecord, void> {
    while (!this.isStopping) {
      const next = this.queue.shift();
      if (next) {
        this.waitingForRoom.shift()?.();
        yield next.record;
        next.confirm();
      } else {
        await new Promise<void>((resolve) => {
          this.wakeReader = resolve;
        });
        this.wakeReader = null;
      }
    }
  }

  private async stayConnected(): Promise<void> {
    const { signal } = this.abort;
    const { url, username, password, tls, consumer } = this.options;
    const credentials = {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined ? {} : { tls }),
    };
    const connector = new Connector({
      url,
      clientId: this.clientId,
      isPersistent: consumer !== undefined,
      ...credentials,
    });
    let waitMs = 250;
    while (!signal.aborted) {
      const connectedMs = performance.now();
      try {
        const prepare = (client: MqttClient) => {
          client.handleMessage = (packet, done) => this.onMessage(packet, done);
        };
        const client = await connector.connect(prepare, signal);
        await this.serve(client, signal);
        if (!signal.aborted)
          throw new PlumblineError('PLB_MES_BROKER_UNREACHABLE', { url: redactUrl(url), reason: 'connection lost' });
      } catch (error) {
        if (signal.aborted) return;
        this.setProblem(
          isPlumblineError(error)
            ? error
            : new PlumblineError(
                'PLB_MES_BROKER_UNREACHABLE',
                { url: redactUrl(url), reason: String(error) },
                { cause: error },
              ),
        );
      }
      if (performance.now() - connectedMs > 1000) waitMs = 250;
      await sleep(Math.random() * waitMs, signal);
      waitMs = Math.min(maxReconnectMs, waitMs * 2);
    }
  }

  /** Subscribes and returns when the connection is over. */
  private async serve(client: MqttClient, signal: AbortSignal): Promise<void> {
    const isClosed = new Promise<void>((resolve) => {
      client.on('close', resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.client = client;
    const topics = (['availability', 'result', 'event'] as const).map((suffix) => topicFor(this.baseFilter, suffix));
    try {
      await Promise.race([client.subscribeAsync(topics, { qos: 1 }), isClosed]);
      if (client.connected) {
        this.problemNow = null;
        this.isSubscribed = true;
        const protocol = client.options.protocolVersion === 5 ? 'MQTT 5' : 'MQTT 3.1.1';
        this.options.onNotice?.({ kind: 'connected', protocol });
        // Acknowledgements sent into a lost connection did not arrive.
        for (const stream of this.streams.values()) this.ackSoon(stream);
        await isClosed;
      }
    } finally {
      this.client = null;
      this.isSubscribed = false;
      await new Promise<void>((resolve) => {
        client.end(!client.connected, () => resolve());
        setTimeout(resolve, 500);
      });
    }
  }

  /** @param done sends the PUBACK and lets the next message in */
  private onMessage(packet: IPublishPacket, done: () => void): void {
    const parts = splitTopic(packet.topic);
    const body = packet.payload.toString('utf8');
    const json = parseJson(body);
    if (parts?.suffix === 'availability') {
      this.onAvailability(parts.baseTopic, json);
      done();
      return;
    }
    if (parts?.suffix !== 'result' && parts?.suffix !== 'event') {
      done();
      return;
    }
    const parsed = (parts.suffix === 'result' ? resultSchema : eventSchema).safeParse(json);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      this.counts.invalid += 1;
      this.options.onNotice?.({
        kind: 'invalid',
        topic: packet.topic,
        problem: `${issue?.path.join('.')}: ${issue?.message}`,
      });
      done();
      return;
    }
    const flag = packet.properties?.userProperties?.replayed;
    const common = { baseTopic: parts.baseTopic, body, replayed: flag === undefined ? null : flag === 'true' };
    const { data } = parsed;
    if (data.schema === 'vision.result/1')
      this.accept({ kind: 'result', result: data, ...common }, data, data.resultId, done);
    else this.accept({ kind: 'event', event: data, ...common }, data, data.eventId, done);
  }

  private accept(
    record: MesRecord,
    { sourceId, epoch, seq: seqText }: VisionResult | VisionEvent,
    id: string,
    done: () => void,
  ): void {
    const seq = BigInt(seqText);
    const stream = this.streamOf(sourceId, epoch, record.baseTopic);
    const arrival = stream.tracker.observe(seq, id);
    if (arrival === 'duplicate') {
      this.counts.duplicates += 1;
      // The station sends again what it believes to be unknown here: repeat the acknowledgement.
      this.ackSoon(stream);
      const waiting = this.unconfirmed.get(id);
      if (waiting && !this.options.ack) waiting.push(done);
      else done();
      return;
    }
    if (arrival === 'conflict') {
      this.counts.conflicts += 1;
      this.options.onNotice?.({ kind: 'conflict', sourceId, seq: seqText });
    }
    if (record.kind === 'result') this.counts.received += 1;
    else this.counts.events += 1;
    this.unconfirmed.set(id, this.options.ack ? [] : [done]);
    const confirm = () => {
      stream.tracker.confirm(seq);
      for (const [from, to] of droppedRanges(record)) stream.tracker.drop(BigInt(from), BigInt(to));
      for (const proceed of this.unconfirmed.get(id) ?? []) proceed();
      this.unconfirmed.delete(id);
      this.ackSoon(stream);
    };
    this.queue.push({ record, confirm });
    this.wakeReader?.();
    if (!this.options.ack) return;
    if (this.queue.length < (this.options.maxQueued ?? 1000)) done();
    else this.waitingForRoom.push(done);
  }

  private onAvailability(baseTopic: string, json: unknown): void {
    const availability = availabilitySchema.safeParse(json);
    if (!availability.success) return;
    const { sourceId, outbox } = availability.data;
    if (outbox?.ackedSeq !== undefined) {
      const stream = this.streamOf(sourceId, outbox.epoch, baseTopic);
      stream.tracker.startAfter(BigInt(outbox.ackedSeq));
      this.ackSoon(stream);
    } else {
      for (const stream of this.streams.values()) {
        if (stream.sourceId === sourceId) stream.tracker.startAtFirstArrival();
      }
    }
  }

  private streamOf(sourceId: string, epoch: string, baseTopic: string): Stream {
    const key = JSON.stringify([sourceId, epoch]);
    let stream = this.streams.get(key);
    if (!stream) {
      stream = { sourceId, epoch, baseTopic, tracker: new StreamTracker(), isAckDue: false };
      if (this.streams.size >= maxStreams) this.streams.delete(this.streams.keys().next().value!);
      this.streams.set(key, stream);
    }
    stream.baseTopic = baseTopic;
    return stream;
  }

  private ackSoon(stream: Stream): void {
    if (!this.options.ack) return;
    stream.isAckDue = true;
    if (this.ackTimer || this.isStopping) return;
    this.ackTimer = setTimeout(() => {
      this.ackTimer = null;
      void this.publishAcks();
    }, this.options.ackIntervalMs ?? 100);
  }

  private async publishAcks(): Promise<void> {
    const { client } = this;
    if (!client?.connected) return;
    const sent: Promise<unknown>[] = [];
    for (const stream of this.streams.values()) {
      const prefix = stream.tracker.storedPrefix;
      if (!stream.isAckDue || prefix === null) continue;
      stream.isAckDue = false;
      const ack: VisionAck = { sourceId: stream.sourceId, epoch: stream.epoch, ackedSeq: String(prefix) };
      sent.push(
        client.publishAsync(topicFor(stream.baseTopic, 'ack'), JSON.stringify(ack), { qos: 1 }).catch(() => {}),
      );
    }
    await Promise.all(sent);
  }

  private setProblem(problem: PlumblineError): void {
    if (problem.message !== this.problemNow?.message) this.options.onNotice?.({ kind: 'disconnected', problem });
    this.problemNow = problem;
  }
}

function droppedRanges(record: MesRecord): DroppedRange[] {
  if (record.kind !== 'event' || record.event.type !== 'results_dropped') return [];
  const data = resultsDroppedDataSchema.safeParse(record.event.data);
  return data.success ? data.data.ranges : [];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
