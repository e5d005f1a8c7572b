import type { ImageRgb } from '@plumbline/core/image';

/** Pixels with several readers: the buffer goes back to its pool when the last of them has released it. */
export class SharedImage {
  private readers = 1;

  constructor(
    readonly image: ImageRgb,
    private readonly recycle: (data: Uint8Array<ArrayBuffer>) => void,
  ) {}

  /** Adds a reader, who calls `release` once. */
  retain(): void {
    this.readers += 1;
  }

  release(): void {
    this.readers -= 1;
    if (this.readers === 0) this.recycle(this.image.data);
  }
}
