/** Memory of an {@link ImageCache} that all threads see. */
export interface SharedCache {
  /** Pixels one image after the other. */
  readonly pixels: SharedArrayBuffer;
  /** Two int32 per key: place + 1 in units of {@link unitBytes}, or 0; number of channels. */
  readonly directory: SharedArrayBuffer;
  /** One int32: units in use. */
  readonly used: SharedArrayBuffer;
}

/** Places are counted in these, so that an int32 reaches 32 GiB. */
const unitBytes = 16;

export function createSharedCache(keys: number, bytes: number): SharedCache {
  return {
    pixels: new SharedArrayBuffer(bytes),
    directory: new SharedArrayBuffer(8 * keys),
    used: new SharedArrayBuffer(4),
  };
}

/**
 * Decoded images in shared memory: whichever thread decodes one first, all use it without a copy. Nothing is evicted;
 * what does not fit is not kept. Two threads that decode the same image at the same time may both store it; the bytes
 * are the same.
 */
export class ImageCache {
  private readonly directory: Int32Array;
  private readonly used: Int32Array;

  constructor(private readonly shared: SharedCache) {
    this.directory = new Int32Array(shared.directory);
    this.used = new Int32Array(shared.used);
  }

  /** @param pixels height * width of the image behind `key` */
  get(key: number, pixels: number): { readonly channels: 1 | 3; readonly data: Uint8Array } | undefined {
    const place = Atomics.load(this.directory, 2 * key);
    if (place === 0) return undefined;
    const channels = Atomics.load(this.directory, 2 * key + 1) === 1 ? 1 : 3;
    return { channels, data: new Uint8Array(this.shared.pixels, (place - 1) * unitBytes, pixels * channels) };
  }

  put(key: number, channels: 1 | 3, data: Uint8Array): void {
    const units = Math.ceil(data.length / unitBytes);
    const capacity = Math.floor(this.shared.pixels.byteLength / unitBytes);
    const place = Atomics.add(this.used, 0, units);
    if (place + units > capacity) {
      Atomics.sub(this.used, 0, units);
      return;
    }
    new Uint8Array(this.shared.pixels, place * unitBytes, data.length).set(data);
    Atomics.store(this.directory, 2 * key + 1, channels);
    Atomics.store(this.directory, 2 * key, place + 1);
  }
}
