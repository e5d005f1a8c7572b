/** Lengths in CSS px unless named otherwise; a picture is `width` x `height` source px. */
export interface Size {
  width: number;
  height: number;
}

/** Where the picture lies on its canvas: canvas px = source px * scale + offset. */
export interface Placement {
  scale: number;
  offsetX: number;
  offsetY: number;
}

export interface Zoom {
  /** Times the fitted size; 1 shows all of the picture. */
  factor: number;
  /** Source px at the middle of the canvas. */
  centerX: number;
  centerY: number;
}

export const ZOOM_FACTORS = [1, 1.5, 2, 3, 4, 6, 8] as const;

/** The next larger (+1) or smaller (-1) factor; at an end it stays. */
export function stepFactor(factor: number, step: 1 | -1): number {
  const at = ZOOM_FACTORS.findIndex((known) => known >= factor);
  return ZOOM_FACTORS[Math.min(ZOOM_FACTORS.length - 1, Math.max(0, at + step))]!;
}

/** Fits the picture into the canvas and applies the zoom; the picture never leaves a gap that it could fill. */
export function place(picture: Size, canvas: Size, zoom: Zoom): Placement {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height) * zoom.factor;
  const along = (pictureLength: number, canvasLength: number, center: number) => {
    const drawn = pictureLength * scale;
    if (drawn <= canvasLength) return (canvasLength - drawn) / 2;
    return Math.min(0, Math.max(canvasLength - drawn, canvasLength / 2 - center * scale));
  };
  return {
    scale,
    offsetX: along(picture.width, canvas.width, zoom.centerX),
    offsetY: along(picture.height, canvas.height, zoom.centerY),
  };
}

/** The zoom after dragging the picture by the given canvas px, kept inside the picture. */
export function pan(zoom: Zoom, picture: Size, canvas: Size, dx: number, dy: number): Zoom {
  const at = place(picture, canvas, zoom);
  const centerX = (canvas.width / 2 - at.offsetX - dx) / at.scale;
  const centerY = (canvas.height / 2 - at.offsetY - dy) / at.scale;
  const moved = place(picture, canvas, { ...zoom, centerX, centerY });
  return {
    factor: zoom.factor,
    centerX: (canvas.width / 2 - moved.offsetX) / moved.scale,
    centerY: (canvas.height / 2 - moved.offsetY) / moved.scale,
  };
}

/** Width that the list of detections needs beside the picture, and height below it. */
export const LIST_WIDTH = 290;
export const LIST_HEIGHT = 190;

/**
 * Where the list goes: beside the picture, or below a wide one, whichever leaves the larger picture.
 * @param area room for both
 * @returns the size of the well; the list takes the rest
 */
export function splitPicture(picture: Size, area: Size): { list: 'beside' | 'below'; well: Size } {
  const aspect = picture.width / picture.height;
  const beside = Math.max(0, Math.min(area.height, (area.width - LIST_WIDTH) / aspect));
  const below = Math.max(0, Math.min(area.height - LIST_HEIGHT, area.width / aspect));
  if (below > beside) return { list: 'below', well: { width: area.width, height: Math.round(below) } };
  return { list: 'beside', well: { width: Math.round(beside * aspect), height: area.height } };
}

/**
 * Square cut-out around a box for a thumbnail or magnifier, inside the picture where it fits.
 * @param box xywh in the picture's px, origin top left
 * @param aspect width over height of the cut-out
 * @returns xywh in the same px
 */
export function cropAround(
  box: { x: number; y: number; width: number; height: number },
  picture: Size,
  minWidth: number,
  aspect = 1,
): { x: number; y: number; width: number; height: number } {
  let width = Math.max(minWidth, box.width * 2.2, box.height * 2.2 * aspect);
  width = Math.min(width, picture.width, picture.height * aspect);
  const height = width / aspect;
  const clamp = (value: number, limit: number) => Math.max(0, Math.min(limit, value));
  return {
    x: clamp(box.x + box.width / 2 - width / 2, picture.width - width),
    y: clamp(box.y + box.height / 2 - height / 2, picture.height - height),
    width,
    height,
  };
}
