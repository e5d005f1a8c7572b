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

/**
 * Opens one connection: MQTT 5, and MQTT 3.1.1 at a broker that refuses it. `prepare` attaches the listeners before the
 * first packet: a persistent session delivers its messages right after CONNACK.
 * @throws {PlumblineError} PLB_MES_BROKER_UNREACHABLE
 */
export async function connect(
  options: ConnectOptions,
  prepare: (client: MqttClient) => void,
  signal: AbortSignal,
): Promise<MqttClient> {
  return (await attempt(options, 5, prepare, signal)) ?? (await attempt(options, 4, prepare, signal))!;
}

/** @returns null when the broker does not speak version 5 */
function attempt(
  options: ConnectOptions,
  version: 5 | 4,
  prepare: (client: MqttClient) => void,
  signal: AbortSignal,
): Promise<MqttClient | null> {
  const url = options.url.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
  return new Promise((resolve, reject) => {
    const client = mqtt.connect(options.url, clientOptions(options, version));
    prepare(client);
    const giveUp = (reason: string, canRetryOlder: boolean, cause?: unknown) => {
      signal.removeEventListener('abort', onAbort);
      client.end(true);
      if (canRetryOlder && version === 5) resolve(null);
      else reject(new PlumblineError('PLB_MES_BROKER_UNREACHABLE', { url, reason }, { cause }));
    };
    const onAbort = () => giveUp('stopped', false);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) return onAbort();
    // Stays for the life of the client: an error event without a listener would end the process.
    client.on('error', (error) => {
      const { code } = error as { code?: unknown };
      giveUp(typeof code === 'string' ? code : error.message, versionRefusals.includes(code as number), error);
    });
    client.on('close', () => giveUp('it closed the connection', true));
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
