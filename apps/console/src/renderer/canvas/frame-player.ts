import type { FeedPictureHeader } from '@plumbline/contract';
import type { RejectThreshold } from '../../common/reject-rules.js';
import { cropAround, type Placement, place, type Size, type Zoom } from '../../common/viewport.js';
import { type OverlayStyle, paintBoxes, readOverlayStyle } from './box-painter.js';

interface Picture {
  header: FeedPictureHeader;
  bitmap: ImageBitmap;
  /** False for bitmaps that the filmstrip owns. */
  isOwned: boolean;
}

export interface DrawOptions {
  hasBoxes: boolean;
  zoom: Zoom;
  selectedDetection: number;
  threshold: RejectThreshold;
}

/**
 * Draws pictures and boxes on two stacked canvases, outside React. Only the newest frame is decoded and only the newest
 * decoded one is drawn; picture and boxes change in the same animation frame and always belong together.
 */
export class FramePlayer {
  #image: HTMLCanvasElement | null = null;
  #overlay: HTMLCanvasElement | null = null;
  #magnifier: HTMLCanvasElement | null = null;
  #style: OverlayStyle | null = null;
  #waiting: { header: FeedPictureHeader; jpeg: Uint8Array<ArrayBuffer> } | null = null;
  #isDecoding = false;
  #next: Picture | null = null;
  #shown: Picture | null = null;
  #isPaused = false;
  #options: DrawOptions = {
    hasBoxes: true,
    zoom: { factor: 1, centerX: 0, centerY: 0 },
    selectedDetection: 0,
    threshold: () => 0,
  };
  #animationFrame = 0;
  /** Frames that arrived, were drawn, and were replaced by a newer one before that. */
  readonly counts = { received: 0, drawn: 0, skipped: 0, undecodable: 0 };

  constructor(private readonly onShown: (header: FeedPictureHeader) => void) {}

  /** Takes the canvases over; null lets them go. */
  attach(image: HTMLCanvasElement | null, overlay: HTMLCanvasElement | null): void {
    this.#image = image;
    this.#overlay = overlay;
    this.restyle();
  }
  attachMagnifier(canvas: HTMLCanvasElement | null): void {
    this.#magnifier = canvas;
    this.#schedule();
  }
  /** Reads the tokens again and redraws: after a change of theme or size. */
  restyle(): void {
    if (this.#overlay) this.#style = readOverlayStyle(this.#overlay);
    this.#schedule();
  }
  /** Draws again when something has changed; called on every change of the page's state. */
  setOptions(options: DrawOptions): void {
    const keys = Object.keys(options) as (keyof DrawOptions)[];
    if (keys.every((key) => options[key] === this.#options[key])) return;
    this.#options = options;
    this.#schedule();
  }

  push(header: FeedPictureHeader, jpeg: Uint8Array<ArrayBuffer>): void {
    this.counts.received += 1;
    if (this.#waiting) this.counts.skipped += 1;
    this.#waiting = { header, jpeg };
    if (!this.#isDecoding) void this.#decodeWaiting();
  }

  /** Keeps the picture that stands; new frames are decoded and dropped until `resume`. */
  pause(): void {
    this.#isPaused = true;
    this.#discardNext();
  }
  resume(): void {
    this.#isPaused = false;
  }
  /** Shows a picture of the filmstrip; only while paused. */
  show(header: FeedPictureHeader, bitmap: ImageBitmap): void {
    this.#discardNext();
    this.#next = { header, bitmap, isOwned: false };
    this.#schedule();
  }

  async #decodeWaiting(): Promise<void> {
    this.#isDecoding = true;
    while (this.#waiting) {
      const { header, jpeg } = this.#waiting;
      this.#waiting = null;
      if (this.#isPaused) {
        this.counts.skipped += 1;
        continue;
      }
      try {
        const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
        if (this.#isPaused) bitmap.close();
        else {
          if (this.#next) this.counts.skipped += 1;
          this.#discardNext();
          this.#next = { header, bitmap, isOwned: true };
          this.#schedule();
        }
      } catch {
        this.counts.undecodable += 1;
      }
    }
    this.#isDecoding = false;
  }

  #discardNext(): void {
    if (this.#next?.isOwned) this.#next.bitmap.close();
    this.#next = null;
  }

  #schedule(): void {
    this.#animationFrame ||= requestAnimationFrame(() => {
      this.#animationFrame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const isNew = this.#next !== null;
    if (this.#next) {
      if (this.#shown?.isOwned) this.#shown.bitmap.close();
      this.#shown = this.#next;
      this.#next = null;
    }
    const picture = this.#shown;
    if (picture && this.#image && this.#overlay && this.#style) {
      const canvas = { width: this.#image.clientWidth, height: this.#image.clientHeight };
      const image = prepare(this.#image, canvas);
      const overlay = prepare(this.#overlay, canvas);
      if (image && overlay && canvas.width > 0) {
        const at = place(picture.header.image, canvas, this.#options.zoom);
        drawBitmap(image, picture, at);
        if (this.#options.hasBoxes) {
          paintBoxes(overlay, picture.header, at, canvas, this.#style, {
            threshold: this.#options.threshold,
            selected: this.#options.selectedDetection,
            fontPx: Math.min(20, Math.max(14, Math.round(canvas.height * 0.03))),
          });
        }
        this.#overlay.dataset.frame = picture.header.frameId;
        this.#image.dataset.frame = picture.header.frameId;
      }
      this.#drawMagnifier(picture);
    }
    if (isNew && picture) {
      this.counts.drawn += 1;
      this.onShown(picture.header);
    }
  }

  #drawMagnifier(picture: Picture): void {
    const element = this.#magnifier;
    if (!element || element.clientWidth === 0 || !this.#style) return;
    const canvas = { width: element.clientWidth, height: element.clientHeight };
    const context = prepare(element, canvas);
    const box = picture.header.detections[this.#options.selectedDetection]?.bbox;
    if (!context || !box) return;
    const crop = cropAround(box, picture.header.image, 48, canvas.width / canvas.height);
    const scale = canvas.width / crop.width;
    const at = { scale, offsetX: -crop.x * scale, offsetY: -crop.y * scale };
    drawBitmap(context, picture, at);
    if (!this.#options.hasBoxes) return;
    context.strokeStyle = this.#style.casing;
    context.lineWidth = 5;
    const rect = [
      box.x * scale + at.offsetX,
      box.y * scale + at.offsetY,
      box.width * scale,
      box.height * scale,
    ] as const;
    context.strokeRect(...rect);
    context.strokeStyle = this.#style.box;
    context.lineWidth = 2.5;
    context.strokeRect(...rect);
  }
}

/** Sizes the canvas to its CSS box in device pixels and returns a cleared context in CSS px. */
export function prepare(element: HTMLCanvasElement, size: Size): CanvasRenderingContext2D | null {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.round(size.width * ratio);
  const height = Math.round(size.height * ratio);
  if (element.width !== width || element.height !== height) {
    element.width = width;
    element.height = height;
  }
  const context = element.getContext('2d');
  if (!context) return null;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** The preview may be smaller than the source frame: placement is in source px. No smoothing when enlarged: it is evidence. */
function drawBitmap(context: CanvasRenderingContext2D, picture: Picture, at: Placement): void {
  // A part of the filmstrip that was dropped meanwhile is closed: nothing to draw until the next frame.
  if (picture.bitmap.width === 0) return;
  const { width, height } = picture.header.image;
  context.imageSmoothingEnabled = at.scale * (width / picture.bitmap.width) <= 1;
  context.imageSmoothingQuality = 'high';
  context.drawImage(picture.bitmap, at.offsetX, at.offsetY, width * at.scale, height * at.scale);
}
