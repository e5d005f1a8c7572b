import type { LineStatus } from '@plumbline/contract';
import type { OutboxStats } from '@plumbline/edge/publish';
import type { DetectorInfo } from '@plumbline/runtime/detector';
import type { LineSetup } from '../line-setup.js';
import type { DiskFigures } from './disk-watch.js';
import type { LineMonitor } from './line-monitor.js';

/** Everything that a snapshot is made of. */
export interface StatusSources {
  setup: LineSetup;
  monitor: LineMonitor;
  state: LineStatus['state'];
  demo: boolean;
  startedAtMs: number;
  nowMs: number;
  /** null until the model is loaded. */
  model: DetectorInfo | null;
  outbox: OutboxStats;
  broker: LineStatus['broker'];
  disk: DiskFigures;
}

/** One snapshot for `/api/status` and the feed. */
export function buildStatus(sources: StatusSources): LineStatus {
  const { setup, monitor, nowMs, model, outbox } = sources;
  const { statistics } = monitor;
  const { depth, lastSeq, epoch, oldestAgeMs, published } = outbox;
  return {
    lineId: setup.config.id,
    nowMs,
    startedAtMs: sources.startedAtMs,
    state: sources.state,
    demo: sources.demo,
    recipe: { id: setup.config.id, configurationId: setup.configurationId },
    model: {
      id: model?.id ?? '',
      version: model?.version ?? '',
      sha256: model?.sha256 ?? '',
      executionProvider: model?.executionProvider ?? '',
      classes: [...(model?.classes ?? [])],
      scoreThreshold: model?.scoreThreshold ?? 0,
    },
    rules: setup.config.rules.map(({ name, when }) => ({ name, anyOf: [...when.anyOf], minScore: when.minScore })),
    counts: { ...statistics.counts, dropped: { ...statistics.counts.dropped } },
    yieldTarget: setup.config.yieldTarget,
    pareto: statistics.pareto(),
    yieldTrend: statistics.yieldTrend(),
    camera: {
      state: monitor.camera,
      framesPerSecond: Math.round(statistics.framesPerSecond(nowMs) * 100) / 100,
      id: setup.config.id,
    },
    latencyMs: statistics.latencyMs(nowMs),
    outbox: { depth, lastSeq, epoch, oldestAgeMs: oldestAgeMs === null ? null : Math.round(oldestAgeMs), published },
    broker: sources.broker,
    disk: sources.disk,
    problems: monitor.problems.list(),
  };
}
