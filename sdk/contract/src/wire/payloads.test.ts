import { describe, expect, it } from 'vitest';
import { ackSchema, availabilitySchema, visionStateSchema } from './ack.js';
import { eventSchema, resultsDroppedDataSchema } from './event.js';
import { seqString, uuidV7 } from './ids.js';
import { ResultEvaluation, ResultState, resultSchema } from './result.js';

const result = {
  schema: 'vision.result/1',
  resultId: '01890a5d-ac96-774b-bcce-b302099a8057',
  sourceId: 'pcb-1',
  epoch: 'e',
  seq: '1',
  timestamp_ms: 1_700_000_000_000,
  jobId: 'j',
  isPartial: false,
  resultState: 1,
  resultEvaluation: 2,
  internalRecipeId: 'r',
  internalConfigurationId: 'c',
  creationTime: '2023-11-14T22:13:20.035Z',
};

describe('resultSchema', () => {
  it('takes a result with the required fields only', () => {
    expect(resultSchema.parse(result)).toEqual(result);
  });

  it.each(Object.keys(result))('refuses a result without %s', (key) => {
    const { [key as keyof typeof result]: _, ...rest } = result;
    expect(resultSchema.safeParse(rest).success).toBe(false);
  });

  it.each([
    ['a seq as a JSON number, which loses digits', { seq: 1 }],
    ['a UUID of another version', { resultId: '01890a5d-ac96-474b-bcce-b302099a8057' }],
    ['a local creation time', { creationTime: '2023-11-14T22:13:20.035+01:00' }],
    ['an unknown verdict', { resultEvaluation: 4 }],
    ['another version of the schema', { schema: 'vision.result/2' }],
  ])('refuses %s', (_, change) => {
    expect(resultSchema.safeParse({ ...result, ...change }).success).toBe(false);
  });

  it('keeps execution and verdict apart, with the numbers of OPC 40100-1 and OPC 40001-101', () => {
    expect(ResultState).toEqual({ Undefined: 0, Completed: 1, Processing: 2, Aborted: 3, Failed: 4 });
    expect(ResultEvaluation).toEqual({ Undefined: 0, OK: 1, NotOK: 2, NotDecidable: 3 });
  });
});

describe('seqString', () => {
  it.each(['0', '1', '18446744073709551615'])('takes %s', (text) =>
    expect(seqString.safeParse(text).success).toBe(true),
  );
  it.each(['', '01', '-1', '1.0', '1e3', '184467440737095516150'])('refuses "%s"', (text) => {
    expect(seqString.safeParse(text).success).toBe(false);
  });
});

describe('uuidV7', () => {
  it('refuses upper case, so that ids compare as text', () => {
    expect(uuidV7.safeParse(result.resultId.toUpperCase()).success).toBe(false);
  });
});

describe('events and retained payloads', () => {
  it('share the identity of results', () => {
    const { resultId: eventId, sourceId, epoch, seq, timestamp_ms } = result;
    const event = {
      schema: 'vision.event/1',
      eventId,
      sourceId,
      epoch,
      seq,
      timestamp_ms,
      type: 'job_started',
      data: {},
    };
    expect(eventSchema.parse(event)).toEqual(event);
    expect(eventSchema.safeParse({ ...event, type: 'something' }).success).toBe(false);
  });

  it('say which records were dropped in ranges of decimal strings', () => {
    const data = { reason: 'byte_cap', count: 3, notOk: 0, ranges: [['1', '3']] };
    expect(resultsDroppedDataSchema.parse(data)).toEqual(data);
    expect(resultsDroppedDataSchema.safeParse({ ...data, ranges: [[1, 3]] }).success).toBe(false);
  });

  it('carry where the stream stands with the availability, and nothing in the last will', () => {
    const will = { sourceId: 'pcb-1', state: 'offline', timestamp_ms: 1 };
    expect(availabilitySchema.parse(will)).toEqual(will);
    const online = { ...will, state: 'online', outbox: { epoch: 'e', ackedSeq: '4', lastSeq: '9' } };
    expect(availabilitySchema.parse(online)).toEqual(online);
    expect(visionStateSchema.safeParse({ ...will, state: 'Ready' }).success).toBe(true);
    expect(ackSchema.safeParse({ sourceId: 'pcb-1', epoch: 'e', ackedSeq: '4' }).success).toBe(true);
  });
});
