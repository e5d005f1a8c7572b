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
  PLB_EDGE_OUTBOX_READ_FAILED: entry(
    (p: { file: string; reason: string }) => `${p.file}: stored records cannot be read (${p.reason})`,
    'Check the disk of the store folder (dmesg). Delivery tries again; keep the file, `plumbline outbox export` may save it.',
  ),
  PLB_EDGE_OUTBOX_CLOSED: entry(
    (p: { file: string }) => `${p.file}: the outbox is not open`,
    'Records can be stored between start and stop only; stop the producers before the outbox.',
  ),
  PLB_EDGE_OUTBOX_RECORD_TOO_LARGE: entry(
    (p: { bytes: number; maxBytes: number }) =>
      `a record of ${p.bytes} bytes does not fit an outbox of ${p.maxBytes} bytes`,
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
  PLB_EDGE_BROKER_UNREACHABLE: entry(
    (p: { url: string; reason: string }) => `${p.url}: the broker cannot be reached (${p.reason})`,
    'Check that the broker runs and that address, port and firewall are right. Verdicts are kept in the outbox meanwhile.',
  ),
  PLB_EDGE_BROKER_REFUSED: entry(
    (p: { url: string; reason: string }) => `${p.url}: the broker refused the connection (${p.reason})`,
    'Check user name, password file, certificate and client id of this publisher against the broker. Verdicts are kept meanwhile.',
  ),
  PLB_EDGE_BROKER_LOST: entry(
    (p: { url: string; reason: string }) => `${p.url}: the connection to the broker ended (${p.reason})`,
    'It is opened again by itself. If this repeats, look into the log of the broker: two clients with the same id end each other.',
  ),
  PLB_EDGE_PUBLISH_UNHEARD: entry(
    (p: { topic: string }) => `${p.topic}: the broker has no subscriber for results`,
    'Start the MES subscriber, or check its topic filter. Results stay in the outbox and are sent once somebody listens.',
  ),
  PLB_EDGE_PUBLISH_REFUSED: entry(
    (p: { topic: string; reason: string }) => `${p.topic}: the broker refused a message (${p.reason})`,
    'Check the access rules and quotas of the broker for this topic. The message stays in the outbox and is tried again.',
  ),
  PLB_EDGE_ACK_REFUSED: entry(
    (p: { topic: string; reason: string }) => `${p.topic}: acknowledgements cannot be received (${p.reason})`,
    'Allow this client to subscribe to its ack topic; until then nothing is deleted from the outbox.',
  ),
  PLB_EDGE_ACK_OVERDUE: entry(
    (p: { topic: string; seconds: number; waiting: number }) =>
      `${p.topic}: no acknowledgement for ${p.seconds} s, ${p.waiting} record(s) are waiting`,
    'Check that the MES subscriber runs, stores results and publishes to the ack topic. Records are kept and sent again.',
  ),
  PLB_EDGE_ACK_BEYOND_STREAM: entry(
    (p: { ackedSeq: string; lastSeq: string }) =>
      `the MES acknowledged seq ${p.ackedSeq}, but this outbox ends at seq ${p.lastSeq}`,
    'The store was rolled back (restored copy or lost disk writes). Move the outbox file away so that a new epoch begins.',
  ),
} as const;
