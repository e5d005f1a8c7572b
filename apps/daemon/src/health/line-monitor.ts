import { type LineStatus, PlumblineError, type Problem, ResultEvaluation } from '@plumbline/contract';
import type { SkippedFrame } from '@plumbline/edge/capture';
import { type DropReason, LineStatistics } from '@plumbline/edge/decide';
import type { InspectedFrame, PipelineObserver, Stage } from '@plumbline/edge/pipeline';
import type { Metrics } from '../metrics.js';
import { ProblemBoard } from '../problems.js';

/** What the monitor tells others. Nothing here may throw or wait. */
export interface MonitorListener {
  inspected(frame: InspectedFrame): void;
  frameSkipped(skipped: SkippedFrame): void;
  problemRaised(problem: Problem): void;
  problemResolved(problem: Problem): void;
  /** A state that a person wants to see at once. */
  changed(): void;
}

/** An unreadable image stays on the list of problems for this long after its last occurrence. */
const skipShownMs = 60_000;
/** Dropped frames stay on the list of problems until none was dropped for this long. */
const overrunShownMs = 10_000;

const evaluationNames = new Map<number, 'OK' | 'NotOK' | 'NotDecidable'>([
  [ResultEvaluation.OK, 'OK'],
  [ResultEvaluation.NotOK, 'NotOK'],
  [ResultEvaluation.NotDecidable, 'NotDecidable'],
]);

/** Turns what the pipeline reports into figures, metrics and present problems. */
export class LineMonitor implements PipelineObserver {
  readonly statistics = new LineStatistics();
  readonly problems: ProblemBoard;
  private cameraState: LineStatus['camera']['state'] = 'down';
  private hasEnded = false;
  private lastSkipMs = 0;
  private overrun = { sinceMs: 0, lastMs: 0, dropped: 0 };

  constructor(
    private readonly metrics: Metrics,
    private readonly listener: MonitorListener,
    private readonly clock: () => number,
  ) {
    this.problems = new ProblemBoard(
      {
        raised: (problem) => listener.problemRaised(problem),
        resolved: (problem) => listener.problemResolved(problem),
        changed: () => listener.changed(),
      },
      clock,
    );
  }

  get isCameraUp(): boolean {
    return this.cameraState === 'up';
  }

  get camera(): LineStatus['camera']['state'] {
    return this.cameraState;
  }

  /** The source has delivered its last frame: the line waits for nothing more. */
  get isIdle(): boolean {
    return this.hasEnded;
  }

  frameArrived(): void {
    this.statistics.frameArrived(this.clock());
    this.metrics.frameArrived();
  }

  frameSkipped(skipped: SkippedFrame): void {
    this.frameArrived();
    this.frameDropped('unreadable');
    this.lastSkipMs = this.clock();
    this.problems.raise('image', skipped.error);
    this.listener.frameSkipped(skipped);
  }

  frameDropped(reason: DropReason): void {
    this.statistics.dropped(reason);
    this.metrics.frameDropped(reason);
    if (reason === 'overrun') this.noteOverrun();
  }

  inspected(frame: InspectedFrame): void {
    this.statistics.inspected(
      frame.inspection,
      frame.counted.map((detection) => detection.className),
      frame.latencyMs,
      this.clock(),
    );
    this.metrics.verdict(evaluationNames.get(frame.result.resultEvaluation) ?? 'Undefined');
    if (frame.inspection.outcome.state === 'completed') this.problems.resolve('inspection');
    this.listener.inspected(frame);
  }

  stageTaken(stage: Stage, ms: number): void {
    this.metrics.stageTaken(stage, ms);
  }

  cameraUp(): void {
    this.cameraState = 'up';
    this.hasEnded = false;
    this.problems.resolve('camera');
    this.listener.changed();
  }

  cameraDown(error: Error): void {
    this.cameraState = 'down';
    this.problems.raise('camera', error);
  }

  sourceEnded(): void {
    this.hasEnded = true;
    this.listener.changed();
  }

  inspectionFailed(error: unknown): void {
    this.problems.raise('inspection', error);
  }

  storeFailed(error: unknown): void {
    this.problems.raise('store', error);
  }

  storeWorks(): void {
    this.problems.resolve('store');
  }

  /** Takes problems off the list that pass with time. Called about once a second. */
  tick(): void {
    const nowMs = this.clock();
    if (nowMs - this.lastSkipMs > skipShownMs) this.problems.resolve('image');
    if (nowMs - this.overrun.lastMs > overrunShownMs) this.problems.resolve('overrun');
  }

  private noteOverrun(): void {
    const nowMs = this.clock();
    const isPresent = nowMs - this.overrun.lastMs <= overrunShownMs;
    this.overrun = {
      sinceMs: isPresent ? this.overrun.sinceMs : nowMs,
      lastMs: nowMs,
      dropped: isPresent ? this.overrun.dropped + 1 : 1,
    };
    const seconds = Math.max(1, Math.round((nowMs - this.overrun.sinceMs) / 1000));
    this.problems.raise(
      'overrun',
      new PlumblineError('PLB_DAEMON_FRAMES_DROPPED', { dropped: this.overrun.dropped, seconds }),
    );
  }
}
