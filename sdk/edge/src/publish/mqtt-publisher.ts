import {
  type Availability,
  type Health,
  PlumblineError,
  type Service,
  topicFor,
  type VisionState,
} from '@plumbline/contract';
import { type Logger, silentLogger } from '@plumbline/core/log';
import { type Backoff, fullJitterBackoff } from './backoff.js';
import {
  type BrokerConnection,
  BrokerConnector,
  type LastWill,
  type MqttVersion,
  redactUrl,
  type TlsOptions,
  versionName,
} from './broker-connection.js';
import { type Clock, systemClock } from './clock.js';
import { DeliverySession } from './delivery-session.js';
import type { Outbox } from './outbox.js';

export interface MqttPublisherOptions {
  /** Opened before this service starts, closed after it stops. */
  readonly outbox: Outbox;
  readonly sourceId: string;
  readonly url: string;
  /** `{enterprise}/{site}/{area}/{line}/{cell}`. */
  readonly baseTopic: string;
  /** Default `plumbline-<sourceId>`. Two clients with the same id end each other's connection. */
  readonly clientId?: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  /** Listen to the ack topic; the outbox must then be `safeWhen: 'acked'`. */
  readonly ack?: boolean;
  readonly logger?: Logger;
  readonly clock?: Clock;
  readonly backoff?: Backoff;
  /** Most unacknowledged records, default 64; the broker's Receive Maximum may lower it. */
  readonly window?: number;
  readonly versions?: readonly MqttVersion[];
  /** Default 15 s. */
  readonly keepaliveSeconds?: number;
  /** Default 10 s. */
  readonly connectTimeoutMs?: number;
  /** Default 20 s. */
  readonly pubackTimeoutMs?: number;
  /** Default 30 s. */
  readonly ackTimeoutMs?: number;
  /** Waits before a record that nobody took is offered again, default 1 s to 15 s. */
  readonly retryMs?: { readonly min: number; readonly max: number };
  /** Default 10 s. */
  readonly stopTimeoutMs?: number;
}

export interface PublisherStatus {
  readonly state: 'connected' | 'connecting' | 'disconnected' | 'disabled';
  /** Without user name and password. */
  readonly url: string;
  /** Since when this state holds, Unix epoch ms; null when disabled. */
  readonly sinceMs: number | null;
  /** "MQTT 5" or "MQTT 3.1.1" while connected. */
  readonly protocol: string | null;
}

/** A connection that lasted this long or delivered anything was a good one: the next loss starts with the shortest wait. */
const stableAfterMs = 5000;
/** How often the retained availability tells how far the stream is acknowledged, when that changed. */
const snapshotPeriodMs = 10_000;

/**
 * Sends what the outbox holds to a broker, at least once, for as long as it runs. Never blocks or loses a verdict: while
 * the broker is away records only accumulate in the outbox.
 */
export class MqttPublisher implements Service {
  readonly name = 'mqtt-publisher';
  readonly stopTimeoutMs: number;
  private readonly logger: Logger;
  private readonly clock: Clock;
  private readonly backoff: Backoff;
  private readonly topics: { availability: string; state: string };
  private readonly abort = new AbortController();
  private loop: Promise<void> | null = null;
  private session: DeliverySession | null = null;
  private statusNow: PublisherStatus;
  private availability: Availability['state'] = 'online';
  private visionState: VisionState['state'] = 'Preoperational';
  private connectionProblem: PlumblineError | null = null;
  private readonly problems: { delivery: PlumblineError | null; ack: PlumblineError | null } = {
    delivery: null,
    ack: null,
  };
  private highestSentSeq = 0;
  private snapshotSeq = -1;

  constructor(private readonly options: MqttPublisherOptions) {
    this.stopTimeoutMs = options.stopTimeoutMs ?? 10_000;
    this.logger = options.logger ?? silentLogger;
    this.clock = options.clock ?? systemClock;
    this.backoff = options.backoff ?? fullJitterBackoff();
    const { baseTopic } = options;
    this.topics = { availability: topicFor(baseTopic, 'availability'), state: topicFor(baseTopic, 'state') };
    this.statusNow = { state: 'disabled', url: redactUrl(options.url), sinceMs: null, protocol: null };
  }

  /** Begins to connect; does not wait for the broker, which may be away for days. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.highestSentSeq = this.options.outbox.cursors().publishedSeq;
    this.loop = this.keepDelivering();
  }

  status(): PublisherStatus {
    return this.statusNow;
  }

  /** What keeps records from being delivered at present; null when they flow. */
  problem(): PlumblineError | null {
    return this.connectionProblem ?? this.problems.delivery ?? this.problems.ack;
  }

  health(): Health {
    const { state } = this.statusNow;
    if (state === 'disabled') return { state: 'stopped' };
    const problem = this.problem();
    if (problem) return { state: 'degraded', detail: `${problem.code}: ${problem.message}` };
    return state === 'connected' ? { state: 'ok' } : { state: 'starting', detail: 'connecting to the broker' };
  }

  /** Published retained on `availability`, now or with the next connection; the last will says `offline`. */
  setAvailability(state: 'online' | 'degraded'): void {
    if (state === this.availability) return;
    this.availability = state;
    if (this.session) void this.publishAvailability(this.session, state);
  }

  /** Published retained on `state`, now or with the next connection. */
  setState(state: VisionState['state']): void {
    if (state === this.visionState) return;
    this.visionState = state;
    if (this.session) void this.publishState(this.session);
  }

  /** Sends what is left within the time-out, says `offline` and disconnects. What could not be sent stays in the outbox. */
  async stop(): Promise<void> {
    if (!this.loop) return;
    const deadline = performance.now() + this.stopTimeoutMs - 1000;
    if (this.session) {
      const session = this.session;
      await drain(this.options.outbox, session, deadline);
      await Promise.race([this.publishAvailability(session, 'offline'), sleep(500, this.abort.signal)]);
      session.finish('stopped');
    }
    this.abort.abort();
    await this.loop;
    this.loop = null;
    this.setStatus('disabled', null);
  }

  private async keepDelivering(): Promise<void> {
    const { signal } = this.abort;
    const connector = new BrokerConnector(this.connectionOptions());
    while (!signal.aborted) {
      this.setStatus(this.connectionProblem ? 'disconnected' : 'connecting', null);
      try {
        const connection = await connector.connect(this.lastWill(), signal);
        await this.deliverOver(connection);
      } catch (error) {
        if (signal.aborted) break;
        this.setConnectionProblem(
          error instanceof PlumblineError
            ? error
            : new PlumblineError(
                'PLB_EDGE_BROKER_UNREACHABLE',
                { url: this.statusNow.url, reason: String(error) },
                { cause: error },
              ),
        );
      }
      if (signal.aborted) break;
      this.setStatus('disconnected', null);
      await sleep(this.backoff.nextMs(), signal);
    }
  }

  /** One connection from its CONNACK to its end. */
  private async deliverOver(connection: BrokerConnection): Promise<void> {
    const { options } = this;
    const openedMs = performance.now();
    const session = new DeliverySession(
      connection,
      {
        outbox: options.outbox,
        sourceId: options.sourceId,
        baseTopic: options.baseTopic,
        ack: options.ack ?? false,
        window: options.window ?? 64,
        pubackTimeoutMs: options.pubackTimeoutMs ?? 20_000,
        ackTimeoutMs: options.ackTimeoutMs ?? 30_000,
        retryMs: options.retryMs ?? { min: 1000, max: 15_000 },
        logger: this.logger,
        onProblem: (kind, problem) => this.setProblem(kind, problem),
        onResend: () => void this.publishAvailability(session, this.availability),
      },
      this.highestSentSeq,
    );
    this.session = session;
    this.connectionProblem = null;
    this.problems.delivery = this.problems.ack = null;
    this.setStatus('connected', versionName(connection.version));
    this.logger.info({ url: this.statusNow.url, protocol: this.statusNow.protocol }, 'connected to the broker');
    // Before the first record: a reader that joins learns from it where the stream starts.
    void this.publishAvailability(session, this.availability);
    void this.publishState(session);
    const snapshots = setInterval(() => this.publishSnapshotIfMoved(session), snapshotPeriodMs);
    try {
      const reason = await session.run();
      if (!this.abort.signal.aborted && reason !== 'stopped') {
        this.setConnectionProblem(typeof reason === 'string' ? this.whyItEnded(reason) : reason);
      }
    } finally {
      clearInterval(snapshots);
      this.session = null;
      this.highestSentSeq = session.highestSentSeq;
      if (session.hasDelivered || performance.now() - openedMs > stableAfterMs) this.backoff.reset();
      await closeClient(connection);
    }
  }

  /** A broker may end the connection with its refusal of a publish (Mosquitto 2.0.11 over TLS); the refusal is the cause. */
  private whyItEnded(reason: string): PlumblineError {
    const { delivery } = this.problems;
    if (delivery?.code === 'PLB_EDGE_PUBLISH_REFUSED') return delivery;
    return new PlumblineError('PLB_EDGE_BROKER_LOST', { url: this.statusNow.url, reason });
  }

  private connectionOptions() {
    const { options } = this;
    return {
      url: options.url,
      clientId: options.clientId ?? `plumbline-${options.sourceId}`,
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: options.password }),
      ...(options.tls === undefined ? {} : { tls: options.tls }),
      versions: options.versions ?? ([5, 4] as const),
      connectTimeoutMs: options.connectTimeoutMs ?? 10_000,
      keepaliveSeconds: options.keepaliveSeconds ?? 15,
    };
  }

  private lastWill(): LastWill {
    const { sourceId } = this.options;
    const will: Availability = { sourceId, state: 'offline', timestamp_ms: this.clock.nowMs() };
    return { topic: this.topics.availability, payload: JSON.stringify(will) };
  }

  private publishAvailability(session: DeliverySession, state: Availability['state']): Promise<void> {
    const { outbox, sourceId, ack } = this.options;
    const { epoch, lastSeq } = outbox.stats();
    const { ackedSeq } = outbox.cursors();
    this.snapshotSeq = ackedSeq;
    const payload: Availability = {
      sourceId,
      state,
      timestamp_ms: this.clock.nowMs(),
      outbox: { epoch, ...(ack ? { ackedSeq: String(ackedSeq) } : {}), lastSeq },
    };
    return session.publishRetained(this.topics.availability, JSON.stringify(payload));
  }

  private publishSnapshotIfMoved(session: DeliverySession): void {
    const { ackedSeq } = this.options.outbox.cursors();
    if (this.options.ack && ackedSeq !== this.snapshotSeq) void this.publishAvailability(session, this.availability);
  }

  private publishState(session: DeliverySession): Promise<void> {
    const { sourceId } = this.options;
    const payload: VisionState = { sourceId, state: this.visionState, timestamp_ms: this.clock.nowMs() };
    return session.publishRetained(this.topics.state, JSON.stringify(payload));
  }

  private setConnectionProblem(problem: PlumblineError): void {
    if (problem.message !== this.connectionProblem?.message) this.logger.warn({ code: problem.code }, problem.message);
    this.connectionProblem = problem;
  }

  private setProblem(kind: 'delivery' | 'ack', problem: PlumblineError | null): void {
    if (problem && problem.code !== this.problems[kind]?.code)
      this.logger.warn({ code: problem.code }, problem.message);
    this.problems[kind] = problem;
  }

  private setStatus(state: PublisherStatus['state'], protocol: string | null): void {
    if (state === this.statusNow.state && protocol === this.statusNow.protocol) return;
    const sinceMs = state === 'disabled' ? null : this.clock.nowMs();
    this.statusNow = { ...this.statusNow, state, protocol, sinceMs };
  }
}

/** How long a stop waits for the next acknowledgement of the MES once the broker has taken everything. */
const lastAckWaitMs = 2000;

/** Waits until everything is safe, or waiting is of no use, or the deadline (of performance.now) has come. */
async function drain(outbox: Outbox, session: DeliverySession, deadlineMs: number): Promise<void> {
  let { depth } = outbox.stats();
  let progressMs = performance.now();
  while (depth > 0 && !session.isFinished && !session.isStalled && performance.now() < deadlineMs) {
    await sleep(20);
    const now = outbox.stats().depth;
    const { publishedSeq, lastSeq } = outbox.cursors();
    if (now !== depth || publishedSeq < lastSeq) progressMs = performance.now();
    if (performance.now() - progressMs > lastAckWaitMs) return;
    depth = now;
  }
}

/** DISCONNECT, so that the broker does not publish the will, then the socket whatever state it is in. */
function closeClient({ client }: BrokerConnection): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => client.end(true, () => resolve()), 500);
    client.end(!client.connected, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
