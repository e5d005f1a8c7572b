import { PlumblineError } from '@plumbline/contract';
import mqtt, { type IClientOptions, type IConnackPacket, type MqttClient, UniqueMessageIdProvider } from 'mqtt';

export type MqttVersion = 5 | 4;

/** PEM texts for mqtts:// and wss://. The broker's certificate is always checked. */
export interface TlsOptions {
  /** Authority that signed the broker's certificate, when it is not a public one. */
  readonly ca?: string;
  /** Certificate and key of this client, when the broker asks for them. */
  readonly cert?: string;
  readonly key?: string;
}

export interface BrokerConnectionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  /** Tried in this order; the next one only when the broker does not speak the one before. */
  readonly versions: readonly MqttVersion[];
  readonly connectTimeoutMs: number;
  /** MQTT keep alive: bounds the time after which a half-open connection is found, s. */
  readonly keepaliveSeconds: number;
}

/** What the broker publishes, retained, when the connection is lost. */
export interface LastWill {
  readonly topic: string;
  readonly payload: string;
}

/** An open connection, used once: after its `close` a new one is made, so that no state of the old one lives on. */
export interface BrokerConnection {
  readonly client: MqttClient;
  readonly version: MqttVersion;
  /** MQTT 5: QoS 1 messages the broker takes unacknowledged [MQTT-3.3.4-9]; 65535 when it does not say. */
  readonly receiveMaximum: number;
  /** MQTT 5: bytes of the largest packet the broker takes [MQTT-3.2.2-15]; Infinity when it does not say. */
  readonly maximumPacketSize: number;
  readonly retainAvailable: boolean;
}

/** The broker refuses this version of the protocol, or may do so; internal signals, never shown. */
class WrongVersion extends Error {}
class ClosedSilently extends Error {}

/** CONNACK codes for a protocol version the broker does not support: MQTT 3.1.1 0x01, MQTT 5 0x84. */
const versionRefusals = [0x01, 0x84];

/**
 * Opens connections to one broker: MQTT 5, and MQTT 3.1.1 at a broker that refuses it. Some say so (aedes 1.2 answers
 * 0x01), some just close the connection, which a starting or dying broker does too. MQTT 3.1.1 knows no refused messages,
 * so it is not used by mistake: a silent close counts as a refusal only when it happens twice running, and never once
 * the broker has spoken MQTT 5.
 */
export class BrokerConnector {
  private silentCloses = 0;
  private hasSpokenFirstChoice = false;

  constructor(private readonly options: BrokerConnectionOptions) {}

  /**
   * Opens one connection.
   * @throws {PlumblineError} PLB_EDGE_BROKER_UNREACHABLE, PLB_EDGE_BROKER_REFUSED
   */
  async connect(will: LastWill, signal: AbortSignal): Promise<BrokerConnection> {
    const { versions } = this.options;
    const url = redactUrl(this.options.url);
    for (const version of versions) {
      try {
        const connection = await attempt(this.options, will, version, signal);
        if (version === versions[0]) this.hasSpokenFirstChoice = true;
        this.silentCloses = 0;
        return connection;
      } catch (error) {
        if (error instanceof WrongVersion) continue;
        if (!(error instanceof ClosedSilently)) throw error;
        this.silentCloses += 1;
        if (version !== versions.at(-1) && this.silentCloses > 1 && !this.hasSpokenFirstChoice) continue;
        const reason = 'it closed the connection';
        throw new PlumblineError('PLB_EDGE_BROKER_UNREACHABLE', { url, reason });
      }
    }
    const names = versions.map(versionName).join(' or ');
    throw new PlumblineError('PLB_EDGE_BROKER_REFUSED', { url, reason: `it does not speak ${names}` });
  }
}

/** "MQTT 5" or "MQTT 3.1.1". */
export function versionName(version: MqttVersion): string {
  return version === 5 ? 'MQTT 5' : 'MQTT 3.1.1';
}

/** The URL without user name and password, for logs and status. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
}

function attempt(
  options: BrokerConnectionOptions,
  will: LastWill,
  version: MqttVersion,
  signal: AbortSignal,
): Promise<BrokerConnection> {
  const url = redactUrl(options.url);
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(options.url, clientOptions(options, will, version));
    let isSettled = false;
    const settle = (finish: () => void) => {
      if (isSettled) return;
      isSettled = true;
      signal.removeEventListener('abort', onAbort);
      finish();
    };
    const fail = (error: Error) =>
      settle(() => {
        client.end(true);
        reject(error);
      });
    const onAbort = () => fail(new PlumblineError('PLB_EDGE_BROKER_UNREACHABLE', { url, reason: 'stopped' }));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);

    // Kept for the life of the client: an error event without a listener would end the process.
    client.on('error', (error) => {
      const code = (error as { code?: unknown }).code;
      if (typeof code === 'number') {
        if (versionRefusals.includes(code)) fail(new WrongVersion());
        else
          fail(
            new PlumblineError(
              'PLB_EDGE_BROKER_REFUSED',
              { url, reason: reasonText(error.message, code) },
              { cause: error },
            ),
          );
      } else {
        const reason = typeof code === 'string' ? code : error.message;
        fail(new PlumblineError('PLB_EDGE_BROKER_UNREACHABLE', { url, reason }, { cause: error }));
      }
    });
    client.on('close', () => fail(new ClosedSilently()));
    client.on('connect', (connack: IConnackPacket) => {
      const { receiveMaximum, maximumPacketSize, retainAvailable, maximumQoS } = connack.properties ?? {};
      if (maximumQoS === 0) {
        fail(new PlumblineError('PLB_EDGE_BROKER_REFUSED', { url, reason: 'it takes no QoS 1 messages' }));
        return;
      }
      settle(() =>
        resolve({
          client,
          version,
          receiveMaximum: receiveMaximum ?? 65_535,
          maximumPacketSize: maximumPacketSize ?? Number.POSITIVE_INFINITY,
          retainAvailable: retainAvailable ?? true,
        }),
      );
    });
  });
}

function clientOptions(options: BrokerConnectionOptions, will: LastWill, version: MqttVersion): IClientOptions {
  return {
    protocolVersion: version,
    clientId: options.clientId,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...options.tls,
    // The outbox is the only store: nothing is resumed by the broker or replayed by the library, whose replay is serial.
    clean: true,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    connectTimeout: options.connectTimeoutMs,
    keepalive: options.keepaliveSeconds,
    // The default provider wraps at 65,535 and overwrites what is unacknowledged (mqtt 5.16).
    messageIdProvider: new UniqueMessageIdProvider(),
    will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true },
  };
}

function reasonText(message: string, code: number): string {
  return `${message.replace(/^Connection refused: /, '')}, 0x${code.toString(16).padStart(2, '0')}`;
}
