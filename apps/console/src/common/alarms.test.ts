import type { LineStatus } from '@plumbline/contract';
import { describe, expect, it } from 'vitest';
import { alarmsOf } from './alarms.js';
import { readingPriority } from './health.js';
import type { LineView } from './line-view.js';

const running: LineView = { phase: 'running', word: 'PASS', picture: 'live', ageS: 0, isOld: false, code: null };
const offline: LineView = { ...running, phase: 'offline', word: 'STALE', picture: 'clear', isOld: true };

/** Only what alarms are made of. */
function status(patch: {
  state?: LineStatus['state'];
  camera?: LineStatus['camera']['state'];
  broker?: LineStatus['broker']['state'];
  problems?: { source: string; sinceMs: number }[];
}): LineStatus {
  const problems = (patch.problems ?? []).map(({ source, sinceMs }) => ({
    code: `PLB_${source.toUpperCase()}`,
    message: `cause of ${source}`,
    help: `help for ${source}`,
    source,
    sinceMs,
  }));
  return {
    state: patch.state ?? 'running',
    camera: { state: patch.camera ?? 'up', framesPerSecond: 10, id: '1' },
    broker: { state: patch.broker ?? 'connected', url: 'mqtt://b', sinceMs: 7, protocol: '5' },
    problems,
  } as unknown as LineStatus;
}

describe('alarmsOf', () => {
  it('has nothing to say about a line without problems', () => {
    expect(alarmsOf(status({}), running)).toEqual([]);
  });

  it('orders by priority first and by age second', () => {
    const problems = [
      { source: 'broker', sinceMs: 1 },
      { source: 'disk', sinceMs: 9 },
      { source: 'overrun', sinceMs: 5 },
      { source: 'detector', sinceMs: 20 },
    ];
    const alarms = alarmsOf(status({ problems }), running);
    expect(alarms.map((a) => [a.priority, a.kind])).toEqual([
      [1, 'detector'],
      [2, 'overrun'],
      [2, 'disk'],
      [3, 'broker'],
    ]);
    expect(alarms[0]).toMatchObject({ cause: 'cause of detector', action: 'help for detector', code: 'PLB_DETECTOR' });
  });

  it('keeps a problem of a source it does not know', () => {
    expect(alarmsOf(status({ problems: [{ source: 'gripper', sinceMs: 1 }] }), running)).toMatchObject([
      { kind: 'other', priority: 2, cause: 'cause of gripper' },
    ]);
  });

  it('ranks a camera problem lower while pictures still come', () => {
    const problems = [{ source: 'camera', sinceMs: 1 }];
    expect(alarmsOf(status({ problems, camera: 'degraded' }), running)[0]!.priority).toBe(2);
    expect(alarmsOf(status({ problems, camera: 'down' }), running)[0]!.priority).toBe(1);
  });

  it('raises camera and broker from the status fields when no problem is listed, and only once when one is', () => {
    const kinds = (s: LineStatus) => alarmsOf(s, running).map((a) => a.kind);
    expect(kinds(status({ camera: 'down', broker: 'disconnected' }))).toEqual(['camera', 'broker']);
    expect(kinds(status({ broker: 'disconnected', problems: [{ source: 'broker', sinceMs: 1 }] }))).toEqual(['broker']);
  });

  it('raises nothing for a camera or broker that the starting line has not reached yet', () => {
    expect(alarmsOf(status({ state: 'starting', camera: 'down', broker: 'connecting' }), running)).toEqual([]);
  });

  it('hides every other alarm while the service is offline, because their state is unknown', () => {
    const alarms = alarmsOf(status({ problems: [{ source: 'disk', sinceMs: 1 }] }), offline);
    expect(alarms.map((a) => [a.priority, a.kind])).toEqual([[1, 'runtimeOffline']]);
  });
});

describe('readingPriority', () => {
  it('marks the reading that an alarm is about and no other', () => {
    const alarms = alarmsOf(status({ camera: 'down', broker: 'disconnected' }), running);
    expect(readingPriority(alarms, 'camera')).toBe(1);
    expect(readingPriority(alarms, 'outbox')).toBe(3);
    expect(readingPriority(alarms, 'disk')).toBeNull();
  });
});
