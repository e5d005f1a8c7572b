import type { Health, Service } from '@plumbline/contract';
import { type Logger, silentLogger } from '@plumbline/core/log';
import { describe, expect, it } from 'vitest';
import { ServiceGroup } from './service-group.js';

/** Three services that note what happens to them. */
function trio(over: Record<string, Partial<Pick<Service, 'start' | 'stop' | 'stopTimeoutMs'>>> = {}) {
  const calls: string[] = [];
  const services = ['a', 'b', 'c'].map((name): Service => {
    const special = over[name] ?? {};
    return {
      name,
      stopTimeoutMs: special.stopTimeoutMs ?? 1000,
      async start(signal) {
        calls.push(`start ${name}`);
        await special.start?.(signal);
      },
      async stop() {
        calls.push(`stop ${name}`);
        await special.stop?.();
      },
      health: (): Health => ({ state: 'ok' }),
    };
  });
  return { calls, services };
}
const never = new AbortController().signal;

describe('ServiceGroup', () => {
  it('starts in order and stops in reverse', async () => {
    const { calls, services } = trio();
    const group = new ServiceGroup(services, silentLogger);
    await group.start(never);
    await group.stop();
    expect(calls).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  it('stops once when it is asked twice', async () => {
    const { calls, services } = trio();
    const group = new ServiceGroup(services, silentLogger);
    await group.start(never);
    await Promise.all([group.stop(), group.stop()]);
    await group.stop();
    expect(group.hasStoppedCleanly).toBe(true);
    expect(calls.filter((call) => call.startsWith('stop'))).toEqual(['stop c', 'stop b', 'stop a']);
  });

  it('stops what runs already when a step throws, and passes the error on', async () => {
    const failure = new Error('no camera');
    const { calls, services } = trio({ b: { start: () => Promise.reject(failure) } });
    await expect(new ServiceGroup(services, silentLogger).start(never)).rejects.toBe(failure);
    expect(calls).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  for (const during of ['a', 'b', 'c']) {
    it(`stops everything when it is aborted while ${during} starts`, async () => {
      const abort = new AbortController();
      const { calls, services } = trio({ [during]: { start: async () => abort.abort() } });
      await expect(new ServiceGroup(services, silentLogger).start(abort.signal)).rejects.toThrow(/abort/i);
      const started = ['a', 'b', 'c'].slice(0, 'abc'.indexOf(during) + 1);
      expect(calls).toEqual([...started.map((n) => `start ${n}`), ...started.reverse().map((n) => `stop ${n}`)]);
    });
  }

  it('does not wait for a step that ignores the signal', async () => {
    const abort = new AbortController();
    const { calls, services } = trio({
      b: {
        stopTimeoutMs: 30,
        start: () => {
          setTimeout(() => abort.abort(), 5);
          return new Promise(() => {});
        },
      },
    });
    await expect(new ServiceGroup(services, silentLogger).start(abort.signal)).rejects.toThrow(/abort/i);
    expect(calls).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('reports a stop that fails or takes too long and goes on with the rest', async () => {
    const reported: unknown[] = [];
    const logger: Logger = { ...silentLogger, error: (fields, message) => reported.push({ ...fields, message }) };
    const { calls, services } = trio({
      c: { stop: () => Promise.reject(new Error('stuck valve')) },
      b: { stop: () => new Promise(() => {}), stopTimeoutMs: 20 },
    });
    const group = new ServiceGroup(services, logger);
    await group.start(never);
    await group.stop();
    expect(calls.slice(3)).toEqual(['stop c', 'stop b', 'stop a']);
    expect(group.hasStoppedCleanly).toBe(false);
    expect(reported).toMatchObject([
      { service: 'c', code: 'PLB_UNEXPECTED', message: 'stuck valve' },
      { service: 'b', code: 'PLB_DAEMON_STOP_TIMEOUT', message: 'b did not stop within 20 ms' },
    ]);
  });
});
