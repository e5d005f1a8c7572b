import { PlumblineError } from '@plumbline/contract';
import { beforeEach, describe, expect, it } from 'vitest';
import { ProblemBoard } from './problems.js';

const away = (buffered: number) =>
  new PlumblineError('PLB_DAEMON_BROKER_AWAY', { url: 'mqtt://x', buffered, reason: 'r' });
let calls: string[];
let nowMs: number;
let board: ProblemBoard;

beforeEach(() => {
  calls = [];
  nowMs = 100;
  board = new ProblemBoard(
    {
      raised: (p) => calls.push(`raised ${p.code}`),
      resolved: (p) => calls.push(`resolved ${p.code}`),
      changed: () => calls.push('changed'),
    },
    () => nowMs,
  );
});

describe('ProblemBoard', () => {
  it('reports a problem once and keeps its beginning while only the wording changes', () => {
    board.raise('broker', away(1));
    nowMs = 200;
    board.raise('broker', away(2));
    board.raise('broker', away(2));
    expect(calls).toEqual(['raised PLB_DAEMON_BROKER_AWAY', 'changed', 'changed']);
    expect(board.list()).toMatchObject([
      { source: 'broker', sinceMs: 100, message: expect.stringContaining('2 records') },
    ]);
  });

  it('resolves the old problem when its source has another one', () => {
    board.raise('camera', away(1));
    board.raise('camera', new Error('boom'));
    expect(calls.filter((call) => call !== 'changed')).toEqual([
      'raised PLB_DAEMON_BROKER_AWAY',
      'resolved PLB_DAEMON_BROKER_AWAY',
      'raised PLB_UNEXPECTED',
    ]);
    expect(board.list()).toHaveLength(1);
  });

  it('says nothing when what is resolved is not present', () => {
    board.resolve('disk');
    expect(calls).toEqual([]);
  });
});
