import { entry } from './define.js';

export const edgeErrors = {
  PLB_EDGE_OUTBOX_LOCKED: entry(
    (p: { file: string }) => `${p.file}: another process is writing to this outbox`,
    'Two daemons must not share a store folder. Stop the other one, or give this line its own `store`.',
  ),
  PLB_EDGE_OUTBOX_INVALID: entry(
    (p: { file: string; reason: string }) => `${p.file}: not a usable outbox (${p.reason})`,
    'Move the file away and keep it: undelivered records may be recoverable with `plumbline outbox export`. A new one starts a new epoch.',
  ),
  PLB_EDGE_OUTBOX_FOREIGN: entry(
    (p: { file: string; owner: string; sourceId: string }) =>
      `${p.file}: holds records of station "${p.owner}", not of "${p.sourceId}"`,
    'Give this line its own `store`, or restore the old `id`. Records of one station are never sent under the name of another.',
    'input',
  ),
  PLB_EDGE_OUTBOX_DISK_FULL: entry(
    (p: { file: string; records: number }) => `${p.file}: the disk is full, ${p.records} record(s) were not stored`,
    'Free space on the volume of the store; appending works again by itself. Parts without a stored verdict are not accepted.',
  ),
  PLB_EDGE_OUTBOX_WRITE_FAILED: entry(
    (p: { file: string; reason: string; records: number }) =>
      `${p.file}: ${p.records} record(s) were not stored (${p.reason})`,
    'Check the disk (dmesg, free space, mount options) of the store folder. Parts without a stored verdict are not accepted.',
  ),
  PLB_EDGE_OUTBOX_CLOSED: entry(
    (p: { file: string }) => `${p.file}: the outbox is not open`,
    'Records can be stored between start and stop only; stop the producers before the outbox.',
  ),
  PLB_EDGE_OUTBOX_RECORD_TOO_LARGE: entry(
    (p: { bytes: number; maxBytes: number }) => `a record of ${p.bytes} bytes does not fit an outbox of ${p.maxBytes} bytes`,
    'Raise `storeMaxBytes`, or raise the score threshold so that a result carries fewer detections.',
  ),
  PLB_EDGE_SOURCE_UNREADABLE: entry(
    (p: { path: string; reason: string }) => `source.path ${p.path}: cannot be read (${p.reason})`,
    'Correct source.path in line.yaml (it is relative to that file) or make the folder readable; the line tries again by itself.',
    'input',
  ),
  PLB_EDGE_SOURCE_EMPTY: entry(
    (p: { path: string }) => `source.path ${p.path}: holds no image`,
    'Put JPEG, PNG, TIFF or WebP files into the folder; the line tries again by itself.',
    'input',
  ),
  PLB_EDGE_IMAGE_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `${p.file}: skipped, cannot be decoded (${p.reason})`,
    'Replace or remove the file. It was counted as a trigger error; the line goes on with the next image.',
  ),
} as const;
