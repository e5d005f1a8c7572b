import type { LineStatus } from '@plumbline/contract';
import type { LineView } from './line-view.js';

/** ISA-18.2 priority: 1 needs a person now, 4 is for information. */
export type Priority = 1 | 2 | 3 | 4;

export type AlarmKind =
  | 'runtimeOffline'
  | 'lineFailed'
  | 'camera'
  | 'image'
  | 'detector'
  | 'inspection'
  | 'overrun'
  | 'broker'
  | 'store'
  | 'disk'
  | 'other';

/** One present problem as the banner shows it. */
export interface Alarm {
  kind: AlarmKind;
  priority: Priority;
  /** Names the problem among others, so that a change of text does not announce it again. */
  key: string;
  code: string | null;
  /** Cause, as the daemon words it; null where the kind's own text says all. */
  cause: string | null;
  /** What to do, as the daemon words it. */
  action: string | null;
  /** Daemon wall clock, Unix epoch ms; null when the page itself noticed it. */
  sinceMs: number | null;
}

const PRIORITY: Record<AlarmKind, Priority> = {
  runtimeOffline: 1,
  lineFailed: 1,
  camera: 1,
  detector: 1,
  store: 1,
  inspection: 2,
  image: 2,
  overrun: 2,
  disk: 2,
  other: 2,
  broker: 3,
};

/** Sources of the daemon that have a kind of their own; a source without one stays visible as `other`. */
const KIND_OF_SOURCE: Record<string, AlarmKind> = {
  camera: 'camera',
  image: 'image',
  detector: 'detector',
  inspection: 'inspection',
  overrun: 'overrun',
  broker: 'broker',
  store: 'store',
  disk: 'disk',
};

/**
 * Present alarms, highest first, then oldest first. What the status fields say (camera down, broker away) is an alarm
 * even when the daemon lists no problem for it. A lost connection hides the rest: their state is unknown.
 */
export function alarmsOf(status: LineStatus | null, view: LineView): Alarm[] {
  if (view.phase === 'offline') {
    return [
      {
        kind: 'runtimeOffline',
        priority: 1,
        key: 'runtimeOffline',
        code: null,
        cause: null,
        action: null,
        sinceMs: null,
      },
    ];
  }
  if (!status || view.phase === 'connecting') return [];
  const alarms = status.problems.map((problem): Alarm => {
    const kind = KIND_OF_SOURCE[problem.source] ?? (status.state === 'failed' ? 'lineFailed' : 'other');
    const degraded = kind === 'camera' && status.camera.state !== 'down';
    return {
      kind,
      priority: degraded ? 2 : PRIORITY[kind],
      key: `${problem.source}/${problem.code}`,
      code: problem.code,
      cause: problem.message,
      action: problem.help,
      sinceMs: problem.sinceMs,
    };
  });
  const has = (kind: AlarmKind) => alarms.some((alarm) => alarm.kind === kind);
  const noticed = (kind: AlarmKind, sinceMs: number | null): Alarm => ({
    kind,
    priority: PRIORITY[kind],
    key: kind,
    code: null,
    cause: null,
    action: null,
    sinceMs,
  });
  if (status.camera.state === 'down' && status.state !== 'starting' && !has('camera'))
    alarms.push(noticed('camera', null));
  if (status.broker.state === 'disconnected' && !has('broker')) alarms.push(noticed('broker', status.broker.sinceMs));
  if (status.state === 'failed' && alarms.length === 0) alarms.push(noticed('lineFailed', null));
  return alarms.sort((a, b) => a.priority - b.priority || (a.sinceMs ?? 0) - (b.sinceMs ?? 0));
}
