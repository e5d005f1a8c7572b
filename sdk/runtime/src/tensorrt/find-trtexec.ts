import { join } from 'node:path';
import { askProgram } from './ask-program.js';

/** TensorRT's own builder on this machine. */
export interface Trtexec {
  readonly path: string;
  /** Of TensorRT, `10.3.0`. */
  readonly version: string;
}

/** Where facts about the device are looked for; the defaults are those of a Jetson and of a desktop with TensorRT. */
export interface DeviceSources {
  /** Folder that stands for `/`. */
  readonly root?: string;
  /** Path of trtexec; by default that in PATH, then JetPack's and the Debian package's `/usr/src/tensorrt/bin/trtexec`. */
  readonly trtexec?: string;
  /** Default `nvidia-smi`. */
  readonly nvidiaSmi?: string;
  /** Default `dpkg-query`. */
  readonly dpkgQuery?: string;
}

/** Paths at which trtexec is tried, in turn. */
export function trtexecCandidates({ root = '/', trtexec }: DeviceSources): string[] {
  return trtexec === undefined ? ['trtexec', join(root, 'usr/src/tensorrt/bin/trtexec')] : [trtexec];
}

/**
 * The first trtexec that prints its banner. `--help` makes every version print it, and starts nothing on the device.
 * @returns undefined when there is none
 */
export async function findTrtexec(sources: DeviceSources = {}): Promise<Trtexec | undefined> {
  for (const path of trtexecCandidates(sources)) {
    const version = parseTrtexecBanner((await askProgram(path, ['--help'])).output);
    if (version) return { path, version };
  }
  return undefined;
}

/**
 * The version in `&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec --help`. Up to TensorRT 9 the number is
 * major x 1000 + minor x 100 + patch (8.5.2 is v8502), from 10 on major x 10000 + minor x 100 + patch.
 */
export function parseTrtexecBanner(text: string): string | undefined {
  const digits = /TensorRT\.trtexec \[TensorRT v(\d+)\]/.exec(text)?.[1];
  if (!digits) return undefined;
  const value = Number(digits);
  const perMajor = value < 10_000 ? 1000 : 10_000;
  const rest = value % perMajor;
  return `${Math.floor(value / perMajor)}.${Math.floor(rest / 100)}.${rest % 100}`;
}

/** Whether `version` is `atLeast` or newer; missing parts count as 0. */
export function isVersionAtLeast(version: string, atLeast: string): boolean {
  const parts = (text: string) => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [found, wanted] = [parts(version), parts(atLeast)];
  for (let i = 0; i < Math.max(found.length, wanted.length); i++) {
    const difference = (found[i] ?? 0) - (wanted[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
