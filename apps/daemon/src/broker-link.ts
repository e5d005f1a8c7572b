import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Health, type LineStatus, PlumblineError, type Service, type VisionState } from '@plumbline/contract';
import type { Logger } from '@plumbline/core/log';
import { MqttPublisher, type Outbox } from '@plumbline/edge/publish';
import type { LineSetup } from './line-setup.js';

export interface BrokerLinkOptions {
  setup: LineSetup;
  outbox: Outbox;
  /** Broker instead of the one of line.yaml. */
  url?: string | undefined;
  logger: Logger;
}

/** What the vision state machine of OPC 40100-1 calls a state of the line. */
const visionStates: Record<LineStatus['state'], VisionState['state']> = {
  starting: 'Preoperational',
  running: 'ContinuousExecution',
  degraded: 'ContinuousExecution',
  idle: 'Ready',
  failed: 'Error',
  stopping: 'Halted',
};

/** The publisher that `publish:` of a line.yaml asks for; without one, verdicts are only kept in the store. */
export class BrokerLink implements Service {
  readonly name = 'publisher';
  readonly stopTimeoutMs = 11_000;
  private publisher: MqttPublisher | null = null;

  constructor(private readonly options: BrokerLinkOptions) {}

  /** Does not wait for the broker. @throws {PlumblineError} PLB_CONFIG_UNREADABLE for the password or a certificate file */
  async start(signal: AbortSignal): Promise<void> {
    const { setup, outbox, logger } = this.options;
    const publish = setup.config.publish[0];
    if (!publish) return;
    const { topic, clientId, username, passwordFile, ack } = publish;
    const read = async (file?: string) => (file === undefined ? undefined : readText(resolve(setup.baseDir, file)));
    const password = (await read(passwordFile))?.split(/\r?\n/, 1)[0];
    const { caFile, certFile, keyFile } = publish.tls ?? {};
    const [ca, cert, key] = [await read(caFile), await read(certFile), await read(keyFile)];
    signal.throwIfAborted();
    this.publisher = new MqttPublisher({
      outbox,
      sourceId: setup.config.id,
      url: this.options.url ?? publish.url,
      baseTopic: topic,
      ...(clientId === undefined ? {} : { clientId }),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      ...(publish.tls === undefined ? {} : { tls: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } }),
      ack,
      logger,
    });
    await this.publisher.start(signal);
  }

  async stop(): Promise<void> {
    await this.publisher?.stop();
  }

  health(): Health {
    if (this.options.setup.config.publish.length === 0) return { state: 'ok', detail: 'no publisher is configured' };
    return this.publisher?.health() ?? { state: 'starting' };
  }

  status(): LineStatus['broker'] {
    return this.publisher?.status() ?? { state: 'disabled', url: '', sinceMs: null, protocol: null };
  }

  /** What keeps verdicts from being delivered, null when they flow. */
  problem(): PlumblineError | null {
    const problem = this.publisher?.problem() ?? null;
    const { state, url } = this.status();
    if (!problem || state === 'connected') return problem;
    const buffered = this.options.outbox.stats().depth;
    return new PlumblineError('PLB_DAEMON_BROKER_AWAY', { url, buffered, reason: problem.message }, { cause: problem });
  }

  lineStateChanged(state: LineStatus['state']): void {
    this.publisher?.setState(visionStates[state]);
    if (state !== 'stopping')
      this.publisher?.setAvailability(state === 'degraded' || state === 'failed' ? 'degraded' : 'online');
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_CONFIG_UNREADABLE', { file, reason }, { cause });
  }
}
