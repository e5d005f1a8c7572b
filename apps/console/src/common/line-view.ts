import type { FeedPictureHeader, LineStatus } from '@plumbline/contract';
import { type VerdictWord, wordOf } from './verdict.js';

/** Age above which a picture and its verdict no longer count as present, ms. */
export const STALE_AFTER_MS = 2_000;
/** Age above which a line that still reports has no part in front of the camera, ms. */
export const IDLE_AFTER_MS = 60_000;

/** Everything the page has received. Times ending in `LocalMs` are on the page's monotonic clock. */
export interface LineSnapshot {
  /** `connecting` until the first connection stands, `open`, or `closed` after it was lost. */
  connection: 'connecting' | 'open' | 'closed';
  status: LineStatus | null;
  statusLocalMs: number;
  /** Arrival of the last message of any kind; null before the first. */
  lastMessageLocalMs: number | null;
  /** Newest result, drawn or not. */
  result: FeedPictureHeader | null;
  resultLocalMs: number;
}

/** Why the page shows what it shows; one value per drawn state of the Run screen. */
export type Phase =
  | 'connecting'
  | 'starting'
  | 'running'
  | 'idle'
  | 'stale'
  | 'offline'
  | 'cameraLost'
  | 'failed'
  | 'stopping';

export interface LineView {
  phase: Phase;
  word: VerdictWord;
  /** `live` as received; `dim` shown with its time; `clear` not shown, the well says why. */
  picture: 'live' | 'dim' | 'clear';
  /** Age of the newest result in whole seconds; null without one. */
  ageS: number | null;
  /** True while counters and rates are as old as the lost connection. */
  isOld: boolean;
  /** Code under ERROR; null when the word needs none. */
  code: string | null;
}

/** The daemon's wall clock now, from its last status, so that a wrong clock on the panel ages nothing. */
export function daemonNowMs(snapshot: LineSnapshot, nowLocalMs: number): number | null {
  return snapshot.status ? snapshot.status.nowMs + (nowLocalMs - snapshot.statusLocalMs) : null;
}

/** Age of the newest result, ms: the longer of time since arrival and time since capture on the daemon's clock. */
export function resultAgeMs(snapshot: LineSnapshot, nowLocalMs: number): number | null {
  if (!snapshot.result) return null;
  const sinceArrival = nowLocalMs - snapshot.resultLocalMs;
  const daemonNow = daemonNowMs(snapshot, nowLocalMs);
  return daemonNow === null ? sinceArrival : Math.max(sinceArrival, daemonNow - snapshot.result.capturedAtMs);
}

/**
 * Decides the state of the Run screen. A verdict is shown only while connection, camera and picture are all present:
 * the last PASS never outlives its source.
 */
export function deriveLineView(snapshot: LineSnapshot, nowLocalMs: number): LineView {
  const ageMs = resultAgeMs(snapshot, nowLocalMs);
  const ageS = ageMs === null ? null : Math.floor(ageMs / 1000);
  const view = (
    phase: Phase,
    word: VerdictWord,
    picture: LineView['picture'],
    code: string | null = null,
  ): LineView => ({
    phase,
    word,
    picture,
    ageS,
    isOld: phase === 'offline' || phase === 'connecting',
    code,
  });
  const { status, result } = snapshot;
  if (snapshot.connection === 'closed') return view('offline', 'STALE', 'clear');
  if (!status) return view('connecting', 'WAIT', 'clear');
  if (snapshot.connection === 'connecting') return view('connecting', 'WAIT', 'clear');

  const isSilent = nowLocalMs - (snapshot.lastMessageLocalMs ?? 0) > STALE_AFTER_MS;
  if (isSilent) return { ...view('stale', 'STALE', result ? 'dim' : 'clear'), isOld: true };
  const firstCode = status.problems[0]?.code ?? null;
  if (status.state === 'failed') return view('failed', 'ERROR', 'clear', firstCode);
  if (status.camera.state === 'down' && status.state !== 'starting') {
    const code = status.problems.find((p) => p.source === 'camera')?.code ?? firstCode;
    return view('cameraLost', 'ERROR', 'clear', code);
  }
  if (status.state === 'starting') return view('starting', 'WAIT', 'clear');
  if (status.state === 'stopping') return view('stopping', 'IDLE', result ? 'dim' : 'clear');
  if (status.state === 'idle' || (ageMs !== null && ageMs > IDLE_AFTER_MS)) {
    return view('idle', 'IDLE', result ? 'dim' : 'clear');
  }
  if (!result || ageMs === null) return view('starting', 'WAIT', 'clear');
  if (ageMs > STALE_AFTER_MS) return view('stale', 'STALE', 'dim');
  const word = wordOf(result);
  return view('running', word, 'live', word === 'ERROR' ? (result.resultEvaluationCode ?? null) : null);
}
