import type { DropReason } from '@plumbline/edge/decide';
import type { Stage } from '@plumbline/edge/pipeline';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Figures that are read when Prometheus asks. */
export interface MetricReadings {
  outboxDepth(): number;
  resultsPublished(): number;
  isCameraUp(): boolean;
  isBrokerUp(): boolean;
}

/** `/metrics`. The names are a contract with dashboards: they stay. */
export class Metrics {
  readonly registry = new Registry();
  private readonly frames: Counter;
  private readonly dropped: Counter<'reason'>;
  private readonly verdicts: Counter<'evaluation'>;
  private readonly stageSeconds: Histogram<'stage'>;

  constructor(readings: MetricReadings) {
    const registers = [this.registry];
    const gauge = (name: string, help: string, read: () => number) =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    this.frames = new Counter({ name: 'plumbline_frames_total', help: 'Frames that the source delivered', registers });
    this.dropped = new Counter({
      name: 'plumbline_frames_dropped_total',
      help: 'Frames without a stored verdict, by reason',
      labelNames: ['reason'],
      registers,
    });
    this.verdicts = new Counter({
      name: 'plumbline_verdicts_total',
      help: 'Stored inspections by evaluation; Undefined = inspecting failed',
      labelNames: ['evaluation'],
      registers,
    });
    let published = 0;
    new Counter({
      name: 'plumbline_results_published_total',
      help: 'Results that the broker took for the first time',
      registers,
      collect() {
        const now = readings.resultsPublished();
        this.inc(Math.max(0, now - published));
        published = Math.max(published, now);
      },
    });
    this.stageSeconds = new Histogram({
      name: 'plumbline_stage_seconds',
      help: 'Time of one frame in one stage',
      labelNames: ['stage'],
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    });
    gauge('plumbline_outbox_depth', 'Records that are not yet delivered', () => readings.outboxDepth());
    gauge('plumbline_camera_up', '1 while frames can arrive', () => Number(readings.isCameraUp()));
    gauge('plumbline_broker_up', '1 while connected to the broker', () => Number(readings.isBrokerUp()));
    gauge('plumbline_resident_bytes', 'Resident memory of the process', () => process.memoryUsage.rss());
    for (const reason of ['overrun', 'unreadable', 'not-stored'] satisfies DropReason[])
      this.dropped.inc({ reason }, 0);
    for (const evaluation of ['OK', 'NotOK', 'NotDecidable', 'Undefined']) this.verdicts.inc({ evaluation }, 0);
  }

  frameArrived(): void {
    this.frames.inc();
  }

  frameDropped(reason: DropReason): void {
    this.dropped.inc({ reason });
  }

  verdict(evaluation: 'OK' | 'NotOK' | 'NotDecidable' | 'Undefined'): void {
    this.verdicts.inc({ evaluation });
  }

  stageTaken(stage: Stage, ms: number): void {
    this.stageSeconds.observe({ stage }, ms / 1000);
  }
}
