import type { Health, Service } from '@plumbline/contract';
import type { Access } from './access.js';

/** Puts the API token of this start into the store. Runs after the outbox has locked the store for this process. */
export class TokenFile implements Service {
  readonly name = 'token-file';
  readonly stopTimeoutMs = 1_000;
  private isWritten = false;

  constructor(
    private readonly access: Access,
    private readonly storeDir: string,
  ) {}

  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await this.access.save(this.storeDir);
    this.isWritten = true;
  }

  async stop(): Promise<void> {
    if (!this.isWritten) return;
    this.isWritten = false;
    await this.access.remove(this.storeDir);
  }

  health(): Health {
    return { state: this.isWritten ? 'ok' : 'stopped' };
  }
}
