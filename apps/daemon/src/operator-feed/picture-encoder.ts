import { encodeFeedPicture, type FeedPictureHeader } from '@plumbline/contract';
import type { ImageRgb } from '@plumbline/core/image';
import type { InspectedFrame } from '@plumbline/edge/pipeline';
import sharp from 'sharp';

/** Longest side of a picture, px. */
const frameSidePx = 1280;
const thumbnailSidePx = 320;

/** One binary feed message: the frame's picture, made smaller, with the boxes of that very frame. */
export async function encodePicture(
  type: FeedPictureHeader['type'],
  frame: InspectedFrame,
  image: ImageRgb,
): Promise<Uint8Array<ArrayBuffer>> {
  const side = type === 'frame' ? frameSidePx : thumbnailSidePx;
  const { data: jpeg, info } = await sharp(image.data, {
    raw: { width: image.width, height: image.height, channels: 3 },
  })
    .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 80 })
    .toBuffer({ resolveWithObject: true });
  const { result, inspection } = frame;
  const { frameId, cameraId, capturedAtMs, width, height } = inspection.frame;
  const header: FeedPictureHeader = {
    type,
    frameId,
    cameraId,
    resultId: result.resultId,
    seq: result.seq,
    capturedAtMs: Math.round(capturedAtMs),
    image: { width, height },
    preview: { width: info.width, height: info.height },
    resultState: result.resultState,
    resultEvaluation: result.resultEvaluation,
    ...(result.resultEvaluationCode === undefined ? {} : { resultEvaluationCode: result.resultEvaluationCode }),
    processingMs: inspection.finishedAtMs - inspection.startedAtMs,
    detections: result.resultContent?.detections ?? [],
  };
  return encodeFeedPicture(header, jpeg);
}
