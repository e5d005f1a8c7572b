import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { instantiateWasm, type WasmMemory } from '../wasm.js';
import type { DecodedImage } from './image.js';
import { isUprightGreyJpeg } from './plain-grey.js';

/** Exports of libjpeg-turbo's TurboJPEG API; addresses are bytes in `memory`, 0 from malloc or tjInit means failure. */
interface TurboJpeg {
  readonly memory: WasmMemory;
  malloc(bytes: number): number;
  free(address: number): void;
  tjInitDecompress(): number;
  tjDestroy(handle: number): number;
  tjDecompressHeader3(
    handle: number,
    jpeg: number,
    jpegBytes: number,
    width: number,
    height: number,
    subsampling: number,
    colourspace: number,
  ): number;
  tjDecompress2(
    handle: number,
    jpeg: number,
    jpegBytes: number,
    out: number,
    width: number,
    pitch: number,
    height: number,
    pixelFormat: number,
    flags: number,
  ): number;
}

/** TJPF_GRAY of turbojpeg.h. */
const pixelFormatGrey = 6;
let codec: TurboJpeg | undefined;

/**
 * Decodes a plain grey JPEG within this thread, with the same integer arithmetic as sharp's decoder and in well under
 * half of its time: sharp spends most of the time of a small image on setting up its pipeline.
 * @returns undefined for every other file, and for one that libjpeg-turbo complains about
 */
export function decodeGreyJpeg(bytes: Buffer): DecodedImage | undefined {
  if (!isUprightGreyJpeg(bytes)) return undefined;
  try {
    codec ??= instantiate();
    return decode(codec, bytes);
  } catch {
    codec = undefined; // thrown out of the middle of WebAssembly code: its stack is not unwound
    return undefined;
  }
}

function decode(turbo: TurboJpeg, bytes: Buffer): DecodedImage | undefined {
  const taken: number[] = [];
  const allocate = (length: number) => {
    const address = turbo.malloc(length);
    if (address === 0) throw new Error('out of memory');
    taken.push(address);
    return address;
  };
  const handle = turbo.tjInitDecompress();
  try {
    const jpeg = allocate(bytes.length);
    new Uint8Array(turbo.memory.buffer, jpeg, bytes.length).set(bytes);
    const header = allocate(16);
    if (turbo.tjDecompressHeader3(handle, jpeg, bytes.length, header, header + 4, header + 8, header + 12) !== 0)
      return undefined;
    const [width, height] = new Int32Array(turbo.memory.buffer, header, 2) as unknown as [number, number];
    const out = allocate(width * height);
    const status = turbo.tjDecompress2(handle, jpeg, bytes.length, out, width, width, height, pixelFormatGrey, 0);
    if (status !== 0) return undefined;
    const data = new Uint8Array(width * height);
    data.set(new Uint8Array(turbo.memory.buffer, out, data.length));
    return { width, height, channels: 1, data };
  } finally {
    for (const address of taken) turbo.free(address);
    turbo.tjDestroy(handle);
  }
}

function instantiate(): TurboJpeg {
  const unsupported = () => {
    throw new Error('libjpeg-turbo reports an error');
  };
  const env = { setjmp: () => 0, longjmp: unsupported };
  const wasi = {
    environ_sizes_get: () => 0,
    environ_get: unsupported,
    proc_exit: unsupported,
    fd_close: unsupported,
    fd_seek: unsupported,
    fd_write: unsupported,
  };
  const file = createRequire(import.meta.url).resolve('@cwasm/jpeg-turbo/jpeg-turbo.wasm');
  return instantiateWasm<TurboJpeg>(readFileSync(file), { env, wasi_snapshot_preview1: wasi });
}
