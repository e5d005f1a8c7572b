import { MesSubscriber } from '@plumbline/mes';

/** What a MES saw of a run. */
export interface DeliveryReport {
  /** Distinct results. */
  received: number;
  /** Results inspected and not received. */
  lost: number;
  duplicates: number;
  /** Holes in the numbering of results and events. */
  seqGaps: number;
}

/** A MES of its own beside the demo: takes and acknowledges every record and counts, so that the demo proves delivery. */
export class DeliveryCheck {
  private readonly subscriber: MesSubscriber;
  private readonly listening: Promise<void>;
  private reading: Promise<void> | null = null;

  constructor(brokerUrl: string) {
    let connected: () => void;
    this.listening = new Promise((resolve) => {
      connected = resolve;
    });
    this.subscriber = new MesSubscriber({
      url: brokerUrl,
      ack: true,
      onNotice: (notice) => notice.kind === 'connected' && connected(),
    });
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    this.reading = this.readAll();
    this.subscriber.start();
    await this.listening;
  }

  get received(): number {
    return this.subscriber.stats().received;
  }

  /** Waits up to two seconds for what is on its way, then disconnects. @param inspected results that must arrive */
  async finish(inspected: number): Promise<DeliveryReport> {
    const deadlineMs = Date.now() + 2000;
    while (this.received < inspected && Date.now() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { received, duplicates, gaps } = this.subscriber.stats();
    await this.subscriber.stop();
    await this.reading;
    return { received, lost: inspected - received, duplicates, seqGaps: gaps };
  }

  /** Asking for the next record acknowledges the one before. */
  private async readAll(): Promise<void> {
    for await (const record of this.subscriber) void record;
  }
}
