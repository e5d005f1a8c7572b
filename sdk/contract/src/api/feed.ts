import { z } from 'zod';
import { wireDetectionSchema } from '../wire/result.js';
import { lineStatusSchema } from './status.js';

/**
 * WebSocket `/api/feed`.
 *
 * Text messages are JSON: `{type: 'status', status}` on connect, on change and at least once a second.
 * Binary messages carry one picture together with the boxes of that very frame: uint32 little endian header length,
 * the UTF-8 JSON header, then the JPEG bytes. `frame` is the newest inspected frame, `ng` a thumbnail of a NotOK part:
 * the last 20 on connect (oldest first), then each new one.
 */
export const feedPictureHeaderSchema = z.object({
  type: z.enum(['frame', 'ng']),
  frameId: z.string(),
  cameraId: z.string(),
  resultId: z.string(),
  seq: z.string(),
  capturedAtMs: z.int(),
  /** Size of the source frame, px: detections are in its pixels. */
  image: z.object({ width: z.int().positive(), height: z.int().positive() }),
  /** Size of the JPEG in this message, px. */
  preview: z.object({ width: z.int().positive(), height: z.int().positive() }),
  resultState: z.int(),
  resultEvaluation: z.int(),
  resultEvaluationCode: z.string().optional(),
  processingMs: z.number(),
  detections: z.array(wireDetectionSchema),
});

export const feedStatusMessageSchema = z.object({ type: z.literal('status'), status: lineStatusSchema });

export type FeedPictureHeader = z.infer<typeof feedPictureHeaderSchema>;
export type FeedStatusMessage = z.infer<typeof feedStatusMessageSchema>;

/** Builds one binary feed message. */
export function encodeFeedPicture(header: FeedPictureHeader, jpeg: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(JSON.stringify(header));
  const out = new Uint8Array(4 + head.length + jpeg.length);
  new DataView(out.buffer).setUint32(0, head.length, true);
  out.set(head, 4);
  out.set(jpeg, 4 + head.length);
  return out;
}

/** Splits one binary feed message. @throws Error when the bytes are not a feed message. */
export function decodeFeedPicture(message: ArrayBuffer): { header: FeedPictureHeader; jpeg: Uint8Array<ArrayBuffer> } {
  if (message.byteLength < 4) throw new Error('a feed message has at least 4 bytes');
  const headerBytes = new DataView(message).getUint32(0, true);
  if (4 + headerBytes > message.byteLength) throw new Error('the feed message ends inside its header');
  const text = new TextDecoder().decode(new Uint8Array(message, 4, headerBytes));
  return { header: feedPictureHeaderSchema.parse(JSON.parse(text)), jpeg: new Uint8Array(message, 4 + headerBytes) };
}
