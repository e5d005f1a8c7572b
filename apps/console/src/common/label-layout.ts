export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

function overlapArea(a: Rect, b: Rect): number {
  const w = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}

/** Covering a label hides a word, covering a box only a stretch of its line. */
const OVER_LABEL = 4;

/**
 * Places one label per box so that it covers as little as possible of other boxes and labels.
 * Tried in order: above left aligned, above right aligned, below left, below right, to the right, to the left; a place that leaves the canvas is
 * pushed back inside. The first free place wins, else the one that covers least.
 * @param boxes xywh in canvas px
 * @param sizes width and height of each label in canvas px
 * @param gap px between the box edge and its label
 */
export function placeLabels(
  boxes: readonly Rect[],
  sizes: readonly { width: number; height: number }[],
  canvas: { width: number; height: number },
  gap: number,
): Rect[] {
  const placed: Rect[] = [];
  boxes.forEach((box, i) => {
    const { width, height } = sizes[i]!;
    const above = box.y - gap - height;
    const below = box.y + box.height + gap;
    const left = box.x - 2;
    const right = box.x + box.width + 2 - width;
    const inside = (x: number, y: number): Rect => ({
      x: Math.max(0, Math.min(canvas.width - width, x)),
      y: Math.max(0, Math.min(canvas.height - height, y)),
      width,
      height,
    });
    const beside = box.y + (box.height - height) / 2;
    const options = [
      inside(left, above),
      inside(right, above),
      inside(left, below),
      inside(right, below),
      inside(box.x + box.width + gap, beside),
      inside(box.x - gap - width, beside),
    ];
    let best = options[0]!;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const option of options) {
      const cost =
        boxes.reduce((sum, other) => sum + overlapArea(option, other), 0) +
        placed.reduce((sum, other) => sum + OVER_LABEL * overlapArea(option, other), 0);
      if (cost < bestCost) {
        best = option;
        bestCost = cost;
      }
      if (cost === 0) break;
    }
    placed.push(best);
  });
  return placed;
}
