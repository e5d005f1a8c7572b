import type { FeedPictureHeader } from '@plumbline/contract';
import { placeLabels, type Rect } from '../../common/label-layout.js';
import { isRejecting, type RejectThreshold } from '../../common/reject-rules.js';
import type { Placement, Size } from '../../common/viewport.js';

/** Colours and font of the overlay, read from the tokens once per theme. Lengths are CSS px. */
export interface OverlayStyle {
  box: string;
  casing: string;
  below: string;
  font: string;
}

export function readOverlayStyle(element: Element): OverlayStyle {
  const style = getComputedStyle(element);
  const token = (name: string) => style.getPropertyValue(name).trim();
  return { box: token('--box'), casing: token('--box-casing'), below: token('--box-below'), font: token('--font') };
}

/**
 * Draws the boxes of one frame. A detection that rejects nothing is dashed and has no label; the others carry number and
 * class. The context is scaled so that one unit is one CSS px.
 */
export function paintBoxes(
  context: CanvasRenderingContext2D,
  header: FeedPictureHeader,
  at: Placement,
  canvas: Size,
  style: OverlayStyle,
  options: { threshold: RejectThreshold; selected: number; fontPx: number },
): void {
  const toCanvas = (box: Rect): Rect => ({
    x: box.x * at.scale + at.offsetX,
    y: box.y * at.scale + at.offsetY,
    width: box.width * at.scale,
    height: box.height * at.scale,
  });
  const boxes = header.detections.map((detection) => toCanvas(detection.bbox));
  const isBelow = header.detections.map((detection) => !isRejecting(detection, options.threshold));
  const stroke = (rect: Rect, color: string, width: number, dash: number[] = []) => {
    context.setLineDash(dash);
    context.strokeStyle = color;
    context.lineWidth = width;
    context.strokeRect(rect.x, rect.y, rect.width, rect.height);
  };
  boxes.forEach((rect, i) => {
    const isSelected = i === options.selected && !isBelow[i];
    stroke(rect, style.casing, isSelected ? 8 : 5);
    if (isBelow[i]) stroke(rect, style.below, 2.5, [5, 4]);
    else stroke(rect, style.box, isSelected ? 4.5 : 2.5);
  });

  context.setLineDash([]);
  context.font = `600 ${options.fontPx}px ${style.font}`;
  context.textBaseline = 'middle';
  const counted = header.detections.map((_, i) => i).filter((i) => !isBelow[i]);
  const texts = counted.map((i, rank) => `${rank + 1} ${header.detections[i]!.class}`);
  const sizes = texts.map((text) => ({ width: context.measureText(text).width + 9, height: options.fontPx + 4 }));
  const labels = placeLabels(
    counted.map((i) => boxes[i]!),
    sizes,
    canvas,
    3,
  );
  labels.forEach((label, rank) => {
    context.fillStyle = style.box;
    context.fillRect(label.x, label.y, label.width, label.height);
    context.fillStyle = style.casing;
    context.fillText(texts[rank]!, label.x + 4.5, label.y + label.height / 2 + 0.5);
  });
}
