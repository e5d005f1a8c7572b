import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { shellQuote } from './shell-quote.js';
import { StageProgress } from './stage-progress.js';

let write: MockInstance;
const wasTerminal = process.stderr.isTTY;
const isTerminal = (is: boolean) => Object.assign(process.stderr, { isTTY: is });
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  write = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  Object.assign(process.stderr, { isTTY: wasTerminal });
});
const shown = () => write.mock.calls.map(([text]) => String(text).replace('\r\u001b[K', ''));

describe('StageProgress', () => {
  it('draws a bar once the total is known and a running block before, and goes on by itself', () => {
    isTerminal(true);
    const progress = new StageProgress('engine');
    progress.update('parse');
    vi.advanceTimersByTime(1000);
    progress.update('kernels', 5, 20);
    progress.end();
    expect(shown()).toEqual([
      'engine [#-------------------] parse 0:00',
      'engine [-#------------------] parse 0:01',
      'engine [--#-----------------] parse 0:01',
      'engine [#####---------------] kernels 5/20 0:01',
      '\n',
    ]);
  });

  it('prints a line a stage and every ten seconds where stderr is no terminal', () => {
    isTerminal(false);
    const progress = new StageProgress('engine');
    progress.update('kernels', 1, 20);
    progress.update('kernels', 2, 20);
    vi.advanceTimersByTime(20_000);
    progress.end();
    vi.advanceTimersByTime(20_000);
    expect(shown()).toEqual(['engine kernels 1/20 0:00\n', 'engine kernels 2/20 0:10\n', 'engine kernels 2/20 0:20\n']);
  });
});

describe('shellQuote', () => {
  it.each([
    ['--onnx=/models/a.onnx', '--onnx=/models/a.onnx'],
    ['--onnx=/my models/a.onnx', "'--onnx=/my models/a.onnx'"],
    ["it's", "'it'\\''s'"],
    ['', "''"],
  ])('writes %j as %s', (argument, quoted) => expect(shellQuote(argument)).toBe(quoted));
});
