import { ackSchema, isPlumblineError, PlumblineError, resultSchema, topicFor } from '@plumbline/contract';
import type { Logger } from '@plumbline/core/log';
import type { IClientPublishOptions } from 'mqtt';
import { AckWatch } from './ack-watch.js';
import type { BrokerConnection } from './broker-connection.js';
import type { Outbox } from './outbox.js';
import type { OutboxRecord } from './outbox-types.js';

export interface DeliveryOptions {
  readonly outbox: Outbox;
  readonly sourceId: string;
  readonly baseTopic: string;
  readonly ack: boolean;
  /** Most records in flight; the broker's Receive Maximum may lower it. */
  readonly window: number;
  /** Time after which a missing PUBACK means that the connection is dead, ms. */
  readonly pubackTimeoutMs: number;
  /** Time without progress of the MES after which unacknowledged records are sent again, ms. */
  readonly ackTimeoutMs: number;
  /** First and longest wait before a record that nobody took is offered again, ms. */
  readonly retryMs: { readonly min: number; readonly max: number };
  readonly logger: Logger;
  /** Tells the present problem of the delivery or of the acknowledgements; null when it is over. */
  onProblem(kind: 'delivery' | 'ack', problem: PlumblineError | null): void;
  /** Called before unacknowledged records are sent again on a live connection. */
  onResend(): void;
}

interface Flight {
  readonly record: OutboxRecord;
  isTaken: boolean;
}

const noMatchingSubscribers = 0x10;
/** Records sent ahead of the acknowledged one while the MES catches up; brokers queue at least twice as many per reader. */
const pacedLead = 500;
/** Topic, properties and fixed header around a body, bytes; generous, so that a packet at the limit is held back. */
const packetOverheadBytes = 1024;

/**
 * Delivery over one connection, from CONNACK to close. Sends records in `seq` order with a window of unanswered ones,
 * starting after what is safe: with an ack configured that is what the MES has stored, because the PUBACK of a broker
 * does not survive its SIGKILL (Mosquitto 2.0.11 loses its queue).
 */
export class DeliverySession {
  private readonly topics: { result: string; event: string; ack: string };
  private readonly closed: Promise<string | PlumblineError>;
  private close: (reason: string | PlumblineError) => void = () => {};
  private isOver = false;
  private didDeliver = false;
  /** Records on the way whose answer moves the cursor, by seq, in the order of sending. */
  private readonly inFlight = new Map<number, Flight>();
  /** Publishes without an answer, stale ones included: what the broker's Receive Maximum limits. */
  private unanswered = 0;
  private readonly pubackCodes = new Map<number, number>();
  private buffer: OutboxRecord[] = [];
  /** Everything up to it was handed to this connection. */
  private sentSeq: number;
  /** Everything up to it was taken by the broker on this connection. */
  private takenSeq: number;
  private lastPubackMs: number;
  /** The broker answered that it did not deliver: one record at a time until it does. */
  private isRefused = false;
  private retryTimer: NodeJS.Timeout | null = null;
  private retryWaitMs: number;
  /** Unacknowledged records being sent again; the stream goes on behind them. */
  private resends: OutboxRecord[] = [];
  private readonly acks: AckWatch;
  /** Up to this seq the MES has lost records before: they are not sent far ahead of its acknowledgements. */
  private pacedUpTo = 0;
  private watchdog: NodeJS.Timeout | null = null;
  private unsubscribe: () => void = () => {};

  constructor(
    private readonly connection: BrokerConnection,
    private readonly options: DeliveryOptions,
    /** Highest seq that may have been sent before, on any connection. */
    private highestSent: number,
  ) {
    const { baseTopic, outbox } = options;
    this.topics = {
      result: topicFor(baseTopic, 'result'),
      event: topicFor(baseTopic, 'event'),
      ack: topicFor(baseTopic, 'ack'),
    };
    this.sentSeq = outbox.safeSeq;
    this.takenSeq = outbox.safeSeq;
    this.lastPubackMs = performance.now();
    this.acks = new AckWatch(options.ackTimeoutMs, this.lastPubackMs);
    this.retryWaitMs = options.retryMs.min;
    this.closed = new Promise((resolve) => {
      this.close = resolve;
    });
  }

  /** Highest seq handed to any connection so far. */
  get highestSentSeq(): number {
    return this.highestSent;
  }

  /** Delivers until the connection ends. @returns why it ended; an error when it was not the connection's fault */
  async run(): Promise<string | PlumblineError> {
    const { client } = this.connection;
    let lastError = '';
    client.on('error', (error) => {
      lastError = error.message;
    });
    client.on('disconnect', (packet) => {
      lastError = packet.properties?.reasonString ?? `DISCONNECT 0x${(packet.reasonCode ?? 0).toString(16)}`;
    });
    client.on('close', () => this.finish(lastError || 'connection closed'));
    // mqtt.js takes 0x10 as a success without passing it on, so it is read from the packet itself.
    client.on('packetreceive', (packet) => {
      // Each answer replaces what an earlier message with the same id left: retained messages get 0x10 too.
      if (packet.cmd === 'puback') this.pubackCodes.set(packet.messageId!, packet.reasonCode ?? 0);
    });
    client.on('message', (topic, payload) => this.guard(() => this.onMessage(topic, payload)));
    this.unsubscribe = this.options.outbox.onAppend(() => this.pump());
    this.watchdog = setInterval(() => this.guard(() => this.watch()), 250);
    if (!client.connected) this.finish('connection closed');
    if (this.options.ack && !this.isOver) this.subscribeToAcks();
    this.pump();
    return this.closed;
  }

  /** Publishes a retained message beside the stream. @returns when the broker has taken it or the connection is over */
  publishRetained(topic: string, payload: string): Promise<void> {
    if (this.isOver) return Promise.resolve();
    const retain = this.connection.retainAvailable;
    this.unanswered += 1;
    return new Promise((resolve) => {
      void this.closed.then(() => resolve());
      this.connection.client.publish(topic, payload, { qos: 1, retain }, (error) => {
        this.unanswered -= 1;
        if (error && !this.isOver) this.reportRefusal(topic, error.message);
        resolve();
        this.pump();
      });
    });
  }

  /** True while waiting is useless because the broker or the MES takes nothing. */
  get isStalled(): boolean {
    return this.isRefused || this.acks.isOverdue;
  }

  /** True once the broker has taken a record on this connection. */
  get hasDelivered(): boolean {
    return this.didDeliver;
  }

  get isFinished(): boolean {
    return this.isOver;
  }

  /** Ends the delivery; the connection itself is left to the caller. */
  finish(reason: string | PlumblineError): void {
    if (this.isOver) return;
    this.isOver = true;
    this.unsubscribe();
    if (this.watchdog) clearInterval(this.watchdog);
    if (this.retryTimer) clearTimeout(this.retryTimer);
    this.inFlight.clear();
    this.buffer = [];
    this.close(reason);
  }

  private subscribeToAcks(): void {
    const topic = this.topics.ack;
    this.connection.client.subscribe(topic, { qos: 1 }, (error, granted) => {
      if (this.isOver) return;
      const isRefused = error !== null || granted?.some((grant) => grant.qos >= 0x80);
      if (!isRefused) return;
      const reason = error?.message ?? 'not granted';
      this.options.onProblem('ack', new PlumblineError('PLB_EDGE_ACK_REFUSED', { topic, reason }));
    });
  }

  private onMessage(topic: string, payload: Buffer): void {
    if (topic !== this.topics.ack || !this.options.ack) return;
    const { outbox, sourceId, logger } = this.options;
    const ack = ackSchema.safeParse(parseJson(payload));
    if (!ack.success) {
      logger.warn({ topic, problem: ack.error.issues[0]?.message }, 'an acknowledgement was not understood');
      return;
    }
    const { epoch, ackedSeq } = ack.data;
    if (ack.data.sourceId !== sourceId || epoch !== outbox.stats().epoch) return;
    const { lastSeq, ackedSeq: before } = outbox.cursors();
    if (BigInt(ackedSeq) > BigInt(lastSeq)) {
      const problem = new PlumblineError('PLB_EDGE_ACK_BEYOND_STREAM', { ackedSeq, lastSeq: String(lastSeq) });
      logger.error({ code: problem.code }, problem.message);
      this.options.onProblem('ack', problem);
      return;
    }
    outbox.markAcked(Number(ackedSeq));
    const { ackedSeq: now } = outbox.cursors();
    if (now > before) {
      this.options.onProblem('ack', null);
      if (this.acks.onMoved(performance.now()) === 'restart') {
        this.pacedUpTo = this.takenSeq;
        this.restartAfter(outbox.safeSeq);
      }
    } else if (Number(ackedSeq) === now && now < this.takenSeq && this.acks.onRepeated() === 'resend') {
      this.resendFirstWindow();
    }
    this.pump();
  }

  /** One window, not the whole backlog: everything else follows when the MES answers. */
  private resendFirstWindow(): void {
    const { outbox, window } = this.options;
    this.resends = outbox.readAfter(outbox.safeSeq, window);
    this.options.onResend();
    this.pump();
  }

  /** Ends the delivery when the outbox cannot be read, instead of the process: these are callbacks of mqtt.js and timers. */
  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!isPlumblineError(error)) throw error;
      this.finish(error);
    }
  }

  /** Fills the window. */
  private pump(): void {
    this.guard(() => this.fillWindow());
  }

  private fillWindow(): void {
    const { outbox, window } = this.options;
    const limit = Math.min(this.connection.receiveMaximum, window);
    while (!this.isOver && this.retryTimer === null && this.unanswered < limit && this.connection.client.connected) {
      if (this.isRefused && this.inFlight.size > 0) return;
      const again = this.isRefused ? undefined : this.resends.shift();
      if (again) {
        this.send({ record: again, isTaken: false });
        continue;
      }
      // What the MES acknowledged meanwhile needs no sending.
      if (this.sentSeq < outbox.safeSeq) this.skipTo(outbox.safeSeq);
      if (this.sentSeq < this.pacedUpTo && this.sentSeq - outbox.safeSeq >= pacedLead) return;
      if (this.buffer.length === 0) this.buffer = outbox.readAfter(this.sentSeq, window);
      const record = this.buffer.shift();
      if (!record) return;
      const flight = { record, isTaken: false };
      this.sentSeq = record.seq;
      this.inFlight.set(record.seq, flight);
      this.send(flight);
    }
  }

  private send(flight: Flight): void {
    const { client, version, maximumPacketSize } = this.connection;
    const { record } = flight;
    if (this.unanswered === 0) this.lastPubackMs = performance.now();
    this.unanswered += 1;
    const bytes = Buffer.byteLength(record.body);
    if (bytes + packetOverheadBytes > maximumPacketSize) {
      // [MQTT-3.2.2-15]: sending it would only end the connection.
      const tooLarge = new Error(`${bytes} bytes are more than its maximum packet size`);
      setImmediate(() => this.guard(() => this.onPuback(flight, 0, tooLarge)));
      return;
    }
    const options: IClientPublishOptions = { qos: 1, retain: false };
    if (version === 5) options.properties = this.properties(record);
    this.highestSent = Math.max(this.highestSent, record.seq);
    client.publish(this.topics[record.kind], record.body, options, (error) =>
      this.guard(() => this.onPuback(flight, messageId, error)),
    );
    const messageId = client.getLastMessageId();
  }

  private properties(record: OutboxRecord): NonNullable<IClientPublishOptions['properties']> {
    const isResult = record.kind === 'result';
    return {
      contentType: 'application/json',
      payloadFormatIndicator: true,
      userProperties: {
        schema: isResult ? resultSchema.shape.schema.value : 'vision.event/1',
        [isResult ? 'resultId' : 'eventId']: record.id,
        seq: String(record.seq),
        replayed: String(record.seq <= this.highestSent),
      },
    };
  }

  private onPuback(flight: Flight, messageId: number, error?: Error): void {
    const code = this.pubackCodes.get(messageId) ?? 0;
    this.pubackCodes.delete(messageId);
    this.unanswered -= 1;
    this.lastPubackMs = performance.now();
    if (this.isOver) return;
    const isUnheard = code === noMatchingSubscribers;
    if (error) this.onNotTaken(flight, error.message);
    // An event that nobody reads is delivered; a result that nobody reads is not.
    else if (isUnheard && flight.record.kind === 'result') this.onNotTaken(flight, null);
    else this.onTaken(flight, isUnheard);
    this.pump();
  }

  private onTaken(flight: Flight, isUnheard: boolean): void {
    const { seq } = flight.record;
    // The answer to a copy that was sent before a restart of the stream moves nothing.
    if (this.inFlight.get(seq) !== flight) return;
    flight.isTaken = true;
    this.didDeliver = true;
    for (const [first, { isTaken }] of this.inFlight) {
      if (!isTaken) break;
      this.inFlight.delete(first);
      this.takenSeq = Math.max(this.takenSeq, first);
    }
    this.options.outbox.markPublished(this.takenSeq);
    if (!this.isRefused || isUnheard) return;
    this.isRefused = false;
    this.retryWaitMs = this.options.retryMs.min;
    this.options.onProblem('delivery', null);
  }

  /** The broker answered, but the record is not delivered: stop, and offer it again after a while. */
  private onNotTaken(flight: Flight, reason: string | null): void {
    if (this.retryTimer) return;
    const topic = this.topics[flight.record.kind];
    if (reason === null) this.options.onProblem('delivery', new PlumblineError('PLB_EDGE_PUBLISH_UNHEARD', { topic }));
    else this.reportRefusal(topic, reason);
    this.isRefused = true;
    this.retryTimer = setTimeout(() => {
      this.retryTimer = null;
      this.restartAfter(this.takenSeq);
      this.pump();
    }, this.retryWaitMs);
    this.retryWaitMs = Math.min(this.options.retryMs.max, this.retryWaitMs * 2);
  }

  private reportRefusal(topic: string, reason: string): void {
    const text = reason.replace(/^Publish error: /, '');
    this.options.onProblem('delivery', new PlumblineError('PLB_EDGE_PUBLISH_REFUSED', { topic, reason: text }));
  }

  /** Forgets what is in flight and sends again from the record after `seq`; readers tell copies by their id. */
  private restartAfter(seq: number): void {
    this.inFlight.clear();
    this.buffer = [];
    this.resends = [];
    this.sentSeq = seq;
    this.takenSeq = seq;
  }

  private skipTo(seq: number): void {
    this.sentSeq = seq;
    this.takenSeq = Math.max(this.takenSeq, seq);
    this.buffer = this.buffer.filter((record) => record.seq > seq);
  }

  /** Finds a half-open connection by its missing PUBACKs, and a MES that lost records by its missing acks. */
  private watch(): void {
    const now = performance.now();
    const { outbox, ack, ackTimeoutMs, pubackTimeoutMs } = this.options;
    if (this.unanswered > 0 && now - this.lastPubackMs > pubackTimeoutMs) {
      this.finish(`no PUBACK for ${pubackTimeoutMs} ms`);
      return;
    }
    if (!ack || this.acks.onTick(now, !this.isRefused && outbox.safeSeq < this.takenSeq) !== 'resend') return;
    const params = { topic: this.topics.ack, seconds: ackTimeoutMs / 1000, waiting: outbox.stats().depth };
    this.options.onProblem('ack', new PlumblineError('PLB_EDGE_ACK_OVERDUE', params));
    // A MES that is away must not hold back the other readers.
    this.pacedUpTo = 0;
    this.resendFirstWindow();
  }
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8'));
  } catch {
    return undefined;
  }
}
