import { instantiateWasm, type WasmMemory } from '../wasm.js';
import type { AugmentedImage } from './augment-image.js';
import { noiseTableBytes, writeNoiseTables } from './noise.js';
import { type Orientation, orientedHw } from './orientation.js';
import { pixelKernelsBase64 } from './pixel-kernels.generated.js';
import type { LoaderSettings } from './plan.js';

/** Exports of wasm/pixel-kernels.wat, where they are described; addresses and steps are bytes. */
interface Kernels {
  readonly memory: WasmMemory;
  addNoise(at: number, length: number, up: number, down: number, state: number): void;
  writeGreyRow(from: number, step: number, table: number, to: number, columns: number): void;
  writeRgbRow(from: number, step: number, table: number, to: number, columns: number): void;
}

/** Where things lie in the memory of the kernels: multiples of 16. */
const table = { levels: 0, noiseUp: 4096, noiseDown: 4096 + noiseTableBytes } as const;
const sourceAt = 4096 + 2 * noiseTableBytes;
/** What a kernel may read or write beyond the end of the pixels. */
const slack = 16;
const pageBytes = 65_536;

/**
 * The last step of every image: noise, levels, orientation and normalisation in two passes over the pixels, in
 * WebAssembly with 128-bit registers; in JavaScript they took half of all time that augmentation takes.
 */
export class PixelKernels {
  private readonly kernels = instantiateWasm<Kernels>(Buffer.from(pixelKernelsBase64, 'base64'), {});

  constructor(private readonly normalization: LoaderSettings['normalization']) {}

  /**
   * Writes the pixels into their place in a batch; what the image does not cover becomes zero.
   * @param out    [H, W, 3] float32
   * @param sizeHw H and W, at least those of the oriented image
   */
  write(
    { image, noise, levels }: AugmentedImage,
    orientation: Orientation,
    out: Float32Array,
    [, width]: readonly [number, number],
  ): void {
    const bytes = image.data.length;
    const outAt = sourceAt + 16 * Math.ceil((bytes + slack) / 16);
    this.reserve(outAt + out.byteLength + slack);
    const { memory, addNoise, writeGreyRow, writeRgbRow } = this.kernels;
    new Uint8Array(memory.buffer, sourceAt, bytes).set(image.data);
    if (noise) {
      const tableAt = (address: number) => new Uint8Array(memory.buffer, address, noiseTableBytes);
      writeNoiseTables(noise.sigma, tableAt(table.noiseUp), tableAt(table.noiseDown));
      addNoise(sourceAt, bytes, table.noiseUp, table.noiseDown, noise.state);
    }
    this.writeTable(levels);

    const written = new Float32Array(memory.buffer, outAt, out.length);
    const writeRow = image.channels === 1 ? writeGreyRow : writeRgbRow;
    const { rows, columns, start, stepX, stepY } = walk(image, orientation);
    for (let y = 0; y < rows; y++) {
      writeRow(
        sourceAt + (start + y * stepY) * image.channels,
        stepX * image.channels,
        table.levels,
        outAt + 12 * y * width,
        columns,
      );
      if (columns < width) written.fill(0, 3 * (y * width + columns), 3 * (y + 1) * width);
    }
    written.fill(0, 3 * rows * width);
    out.set(written);
  }

  /** [256, 4] normalised value of each level in each channel after the change of levels; the fourth is unused. */
  private writeTable(levels: Uint8Array | undefined): void {
    const { mean, std } = this.normalization;
    const values = new Float32Array(this.kernels.memory.buffer, table.levels, 1024);
    for (let level = 0; level < 256; level++) {
      const changed = levels ? levels[level]! : level;
      for (let channel = 0; channel < 3; channel++)
        values[4 * level + channel] = (changed - mean[channel]!) / std[channel]!;
    }
  }

  private reserve(bytes: number): void {
    const missing = bytes - this.kernels.memory.buffer.byteLength;
    if (missing > 0) this.kernels.memory.grow(Math.ceil(missing / pageBytes));
  }
}

/** Where the oriented image begins in the source, and the way to its next column and row, in pixels. */
function walk({ width, height }: { readonly width: number; readonly height: number }, orientation: Orientation) {
  const [rows, columns] = orientedHw([height, width], orientation);
  let [stepX, stepY] = orientation.transpose ? [width, 1] : [1, width];
  let start = 0;
  if (orientation.horizontal) {
    start += (columns - 1) * stepX;
    stepX = -stepX;
  }
  if (orientation.vertical) {
    start += (rows - 1) * stepY;
    stepY = -stepY;
  }
  return { rows, columns, start, stepX, stepY };
}
