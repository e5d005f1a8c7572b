import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Inspection } from '../inspection.js';
import { Outbox } from './outbox.js';
import type { EventDraft, OutboxOptions, ResultDraft } from './outbox-types.js';

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plumbline-outbox-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface OpenedOutbox {
  readonly outbox: Outbox;
  readonly file: string;
}

/** Opens an outbox of station pcb-1 in a folder of its own, closed after the test. */
export async function openOutbox(options: Partial<OutboxOptions> = {}): Promise<OpenedOutbox> {
  const file = options.file ?? join(temporaryFolder(), 'outbox.db');
  const outbox = new Outbox({
    file,
    sourceId: 'pcb-1',
    maxBytes: 10_000_000,
    safeWhen: 'acked',
    retentionMs: 3_600_000,
    ...options,
  });
  await outbox.start(new AbortController().signal);
  onTestFinished(() => outbox.stop());
  return { outbox, file };
}

export function inspectionOf(evaluation: 'OK' | 'NotOK' | 'NotDecidable' = 'OK', frameId = 'board-1'): Inspection {
  const isNotOk = evaluation === 'NotOK';
  return {
    sourceId: 'pcb-1',
    frame: { frameId, cameraId: 'cam-1', width: 640, height: 480, capturedAtMs: 1_700_000_000_000.4, acquisitionMs: 4 },
    startedAtMs: 1_700_000_000_010,
    finishedAtMs: 1_700_000_000_035,
    model: { id: 'pcb', version: '1.0.0', sha256: 'ab'.repeat(32) },
    jobId: 'job-7',
    recipeId: 'line-1',
    configurationId: 'cfg-1',
    isSimulated: true,
    outcome: {
      state: 'completed',
      evaluation,
      detections: isNotOk
        ? [{ classId: 2, className: 'short', score: 0.87654321, boxXyxy: [10.00049, 20, 30.5, 44.25] }]
        : [],
      triggeredRules: isNotOk ? ['any-defect'] : [],
    },
  };
}

export const resultDraft = (evaluation?: 'OK' | 'NotOK' | 'NotDecidable', frameId?: string): ResultDraft => ({
  kind: 'result',
  inspection: inspectionOf(evaluation, frameId),
});

export const eventDraft = (data: Record<string, unknown> = {}): EventDraft => ({
  kind: 'event',
  type: 'job_started',
  data,
  timestampMs: 1_700_000_000_000,
});
