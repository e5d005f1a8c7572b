import { appendFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** A scalar of one step; the tag is where TensorBoard shows it, groups end at `/`. */
export type Scalars = Readonly<Record<string, number>>;

/**
 * Writes scalars as TensorBoard reads them: a new file for each start of a run, every event on disk when the call returns.
 * Source: TensorFlow's record_writer.h (frames), event.proto and summary.proto (messages).
 */
export class EventFile {
  readonly file: string;

  /** @param firstStep where this start begins: TensorBoard drops what an earlier one wrote from there on */
  constructor(dir: string, firstStep: number, nowMs = Date.now()) {
    this.file = join(dir, `events.out.tfevents.${Math.floor(nowMs / 1000)}.${hostname()}.${process.pid}`);
    this.append(nowMs, 0, [stringField(3, 'brain.Event:2')]);
    const sessionStart = [varintField(1, 1)];
    this.append(nowMs, firstStep, [messageField(7, sessionStart)]);
  }

  /** Values that are not finite are left out. */
  write(step: number, scalars: Scalars, nowMs = Date.now()): void {
    const values = Object.entries(scalars)
      .filter(([, value]) => Number.isFinite(value))
      .map(([tag, value]) => messageField(1, [stringField(1, tag), floatField(2, value)]));
    this.append(nowMs, step, [messageField(5, values)]);
  }

  private append(nowMs: number, step: number, fields: Buffer[]): void {
    appendFileSync(this.file, frame(Buffer.concat([doubleField(1, nowMs / 1000), varintField(2, step), ...fields])));
  }
}

/** Length, its checksum, the data, its checksum. */
export function frame(data: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header.writeBigUInt64LE(BigInt(data.length));
  header.writeUInt32LE(maskedCrc(header.subarray(0, 8)), 8);
  const footer = Buffer.alloc(4);
  footer.writeUInt32LE(maskedCrc(data));
  return Buffer.concat([header, data, footer]);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value >>> 0;
});

/** CRC-32C (Castagnoli). Source: RFC 3720 appendix B.4. */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = crcTable[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Rotated and shifted, because a checksum of data that holds checksums is weak. */
function maskedCrc(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const key = (field: number, wireType: number) => varint(field * 8 + wireType);

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

const varintField = (field: number, value: number) => Buffer.concat([key(field, 0), varint(value)]);

function doubleField(field: number, value: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), data]);
}

function floatField(field: number, value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeFloatLE(value);
  return Buffer.concat([key(field, 5), data]);
}

const bytesField = (field: number, data: Buffer) => Buffer.concat([key(field, 2), varint(data.length), data]);
const stringField = (field: number, text: string) => bytesField(field, Buffer.from(text));
const messageField = (field: number, fields: Buffer[]) => bytesField(field, Buffer.concat(fields));
