import { nms } from '@plumbline/core/geometry';
import { createRandom } from '@plumbline/core/random';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './graph-builder.js';
import { buildMatrixNms } from './matrix-nms.js';

async function keptAfter(rounds: number, boxes: Float32Array, iou: number): Promise<number[]> {
  const count = boxes.length / 4;
  const b = new GraphBuilder('nms', 17);
  const isKept = buildMatrixNms(b, 'nms', b.input('boxes', 'float', [1, count, 4]), [1, count], iou, rounds);
  b.output('kept', isKept.at(-1)!, 'bool', [1, 1, count]);
  const session = await InferenceSession.create(b.finish('0', {}), { intraOpNumThreads: 1 });
  const { kept } = await session.run({ boxes: new Tensor('float32', boxes, [1, count, 4]) });
  await session.release();
  return [...(kept!.data as Uint8Array).keys()].filter((i) => kept!.data[i]);
}

const greedy = (boxes: Float32Array, iou: number) =>
  nms(
    boxes,
    Array.from({ length: boxes.length / 4 }, (_, i) => i),
    iou,
  );

describe('matrix NMS', () => {
  it.each([0.3, 0.5, 0.7, 0.85])('keeps what greedy suppression keeps at IoU %f', async (iou) => {
    const random = createRandom(3);
    // Clusters, as proposals come.
    const boxes = Float32Array.from(
      Array.from({ length: 200 }, (_, i) => {
        const centre = 40 + 60 * (i % 5);
        const [cx, cy] = [centre + 2 * random.normal(), centre + 2 * random.normal()];
        const [w, h] = [30 + 2 * random.normal(), 30 + 2 * random.normal()];
        return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
      }).flat(),
    );
    const expected = greedy(boxes, iou);
    expect(expected.length).toBeLessThan(150);
    expect(await keptAfter(16, boxes, iou)).toEqual(expected);
  });

  it('needs a round for every link of a chain in which each box overlaps the next only', async () => {
    // Shares of 2/3 with the next and 1/3 with the one after it: every other box stays.
    const boxes = Float32Array.from(Array.from({ length: 12 }, (_, i) => [i, 0, i + 5, 1]).flat());
    const expected = greedy(boxes, 0.5);
    expect(expected).toEqual([0, 2, 4, 6, 8, 10]);
    expect(await keptAfter(5, boxes, 0.5)).not.toEqual(expected);
    expect(await keptAfter(11, boxes, 0.5)).toEqual(expected);
    expect(await keptAfter(30, boxes, 0.5)).toEqual(expected);
  });

  it('lets boxes without area neither suppress nor be suppressed', async () => {
    const boxes = Float32Array.from([5, 5, 5, 5, 5, 5, 5, 5, 0, 0, 10, 10, 5, 0, 5, 10]);
    expect(await keptAfter(4, boxes, 0.5)).toEqual(greedy(boxes, 0.5));
  });
});
