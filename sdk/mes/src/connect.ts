import { PlumblineError } from '@plumbline/contract';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';

/** PEM texts for mqtts:// and wss://. The broker's certificate is always checked. */
export interface TlsOptions {
  /** Authority that signed the broker's certificate, when it is not a public one. */
  readonly ca?: string;
  /** Certificate and key of this client, when the broker asks for them. */
  readonly cert?: string;
  readonly key?: string;
}

export interface ConnectOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username?: string;
  readonly password?: string;
  readonly tls?: TlsOptions;
  /** The broker keeps the subscription and its messages while this client is away. */
  readonly isPersistent: boolean;
}

/** How long a broker keeps the messages of a consumer that is away, s (MQTT 5; MQTT 3.1.1 leaves it to the broker). */
const sessionExpirySeconds = 7 * 24 * 3600;
/** CONNACK codes for a protocol version the broker does not support: MQTT 3.1.1 0x01, MQTT 5 0x84. */
const versionRefusals = [0x01, 0x84];

/** The broker refuses this version of the protocol, or may do so; internal signals, never shown. */
class WrongVersion extends Error {}
class ClosedSilently extends Error {}

/**
 * Opens connections to one broker: MQTT 5, and MQTT 3.1.1 at a broker that refuses it. One that just closes the connection
 * may also be starting or dying, so that counts as a refusal only when it happens twice running, and never once the broker
 * has spoken MQTT 5.
 */
export class Connector {
  private silentCloses = 0;
  private hasSpoken5 = false;

  constructor(private readonly options: ConnectOptions) {}

  /**
   * Opens one connection. `prepare` attaches the listeners before the first packet: a persistent session delivers its
   * messages right after CONNACK.
   * @throws {PlumblineError} PLB_MES_BROKER_UNREACHABLE
   */
  async connect(prepare: (client: MqttClient) => void, signal: AbortSignal): Promise<MqttClient> {
    for (const version of [5, 4] as const) {
      try {
        const client = await attempt(this.options, version, prepare, signal);
        this.hasSpoken5 ||= version === 5;
        this.silentCloses = 0;
        return client;
      } catch (error) {
        if (error instanceof WrongVersion) continue;
        if (!(error instanceof ClosedSilently)) throw error;
        this.silentCloses += 1;
        if (version === 5 && this.silentCloses > 1 && !this.hasSpoken5) continue;
        break;
      }
    }
    const url = redactUrl(this.options.url);
    throw new PlumblineError('PLB_MES_BROKER_UNREACHABLE', { url, reason: 'it closed the connection' });
  }
}

/** The URL without user name and password. */
export function redactUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
}

function attempt(
  options: ConnectOptions,
  version: 5 | 4,
  prepare: (client: MqttClient) => void,
  signal: AbortSignal,
): Promise<MqttClient> {
  const url = redactUrl(options.url);
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(options.url, clientOptions(options, version));
    prepare(client);
    const giveUp = (error: Error) => {
      signal.removeEventListener('abort', onAbort);
      client.end(true);
      reject(error);
    };
    const unreachable = (reason: string, cause?: unknown) =>
      giveUp(new PlumblineError('PLB_MES_BROKER_UNREACHABLE', { url, reason }, { cause }));
    const onAbort = () => unreachable('stopped');
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    // Stays for the life of the client: an error event without a listener would end the process.
    client.on('error', (error) => {
      const { code } = error as { code?: unknown };
      if (versionRefusals.includes(code as number)) giveUp(new WrongVersion());
      else unreachable(typeof code === 'string' ? code : error.message, error);
    });
    client.on('close', () => giveUp(new ClosedSilently()));
    client.on('connect', () => {
      signal.removeEventListener('abort', onAbort);
      resolve(client);
    });
  });
}

function clientOptions(options: ConnectOptions, version: 5 | 4): IClientOptions {
  return {
    protocolVersion: version,
    clientId: options.clientId,
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...options.tls,
    clean: !options.isPersistent,
    ...(version === 5
      ? {
          properties: {
            receiveMaximum: 256,
            ...(options.isPersistent ? { sessionExpiryInterval: sessionExpirySeconds } : {}),
          },
        }
      : {}),
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    connectTimeout: 10_000,
    keepalive: 30,
  };
}
