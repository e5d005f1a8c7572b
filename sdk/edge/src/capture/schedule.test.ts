import { describe, expect, it } from 'vitest';
import { Schedule } from './schedule.js';

describe('Schedule', () => {
  it('does not add up late wake-ups: tick 100 of a 10 ms interval is due after 1000 ms', () => {
    const schedule = new Schedule(10, 0);
    let nowMs = 0;
    for (let tick = 0; tick <= 100; tick++) nowMs += schedule.nextDelayMs(nowMs) + 0.7;
    expect(nowMs).toBeCloseTo(1000.7, 6);
  });

  it('starts a new schedule instead of a burst when it is more than 3 ticks behind', () => {
    const schedule = new Schedule(100, 0);
    expect(schedule.nextDelayMs(0)).toBe(0);
    expect(schedule.nextDelayMs(950)).toBe(0);
    expect(schedule.nextDelayMs(950)).toBe(100);
  });

  it('catches up when it is less than 3 ticks behind', () => {
    const schedule = new Schedule(100, 0);
    schedule.nextDelayMs(0);
    expect([schedule.nextDelayMs(250), schedule.nextDelayMs(250), schedule.nextDelayMs(250)]).toEqual([0, 0, 50]);
  });
});
