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
  readonly will: { readonly topic: string; readonly payload: string };
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

/** The broker speaks another version of the protocol; an internal signal, never shown. */
class WrongVersion extends Error {}

/** CONNACK codes for a protocol version the broker does not support: MQTT 3.1.1 0x01, MQTT 5 0x84. */
const versionRefusals = [0x01, 0x84];

/**
 * Opens one connection: MQTT 5, and MQTT 3.1.1 at a broker that refuses it (aedes 1.2 answers 0x01, others just close).
 * @throws {PlumblineError} PLB_EDGE_BROKER_UNREACHABLE, PLB_EDGE_BROKER_REFUSED
 */
export async function connectToBroker(
  options: BrokerConnectionOptions,
  signal: AbortSignal,
): Promise<BrokerConnection> {
  const url = redactUrl(options.url);
  for (const version of options.versions) {
    try {
      return await attempt(options, version, signal);
    } catch (error) {
      if (!(error instanceof WrongVersion)) throw error;
    }
  }
  const names = options.versions.map(versionName).join(' or ');
  throw new PlumblineError('PLB_EDGE_BROKER_REFUSED', { url, reason: `it does not speak ${names}` });
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
  version: MqttVersion,
  signal: AbortSignal,
): Promise<BrokerConnection> {
  const url = redactUrl(options.url);
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(options.url, clientOptions(options, version));
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
    // Closed before CONNACK without an error: brokers that know MQTT 3.1.1 only may do that to a version 5 CONNECT.
    client.on('close', () => {
      const isLast = version === options.versions.at(-1);
      fail(
        isLast
          ? new PlumblineError('PLB_EDGE_BROKER_UNREACHABLE', { url, reason: 'it closed the connection' })
          : new WrongVersion(),
      );
    });
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

function clientOptions(options: BrokerConnectionOptions, version: MqttVersion): IClientOptions {
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
    will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: true },
  };
}

function reasonText(message: string, code: number): string {
  return `${message.replace(/^Connection refused: /, '')}, 0x${code.toString(16).padStart(2, '0')}`;
}
