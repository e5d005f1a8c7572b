import { statfs } from 'node:fs/promises';
import { PlumblineError } from '@plumbline/contract';
import type { NvidiaState } from '../nvidia.js';
import { compareVersions } from './requirements.js';
import { runCommand } from './run-command.js';

/** What the wheel's libraries have to fit. */
export interface Host {
  platform: string;
  arch: string;
  /** Undefined on systems with another C library (Alpine). */
  glibcVersion: string | undefined;
}

export function thisHost(): Host {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return { platform: process.platform, arch: process.arch, glibcVersion: report.header?.glibcVersionRuntime };
}

/** @throws {PlumblineError} PLB_TRAIN_SETUP_UNSUPPORTED unless the host runs the libraries of a manylinux_2_27 x86-64 wheel */
export function requireSupportedHost(host: Host): void {
  const needed = 'Linux on x86-64 with glibc 2.27 or newer';
  const found = `${host.platform} on ${host.arch}${host.platform === 'linux' ? `, glibc ${host.glibcVersion ?? 'absent'}` : ''}`;
  const [major, minor] = (host.glibcVersion ?? '0.0').split('.').map(Number) as [number, number];
  const isNewEnough = major > 2 || (major === 2 && minor >= 27);
  if (host.platform !== 'linux' || host.arch !== 'x64' || !isNewEnough) {
    throw new PlumblineError('PLB_TRAIN_SETUP_UNSUPPORTED', { found, needed });
  }
}

/**
 * The oldest driver under which libraries of any CUDA 12 release run. Source: CUDA 12 release notes, table "CUDA Toolkit
 * and Minimum Required Driver Version for CUDA Minor Version Compatibility", CUDA 12.x on Linux x86-64.
 */
const oldestDriver = '525.60.13';

/** @throws {PlumblineError} PLB_TRAIN_SETUP_NO_NVIDIA_DRIVER, PLB_TRAIN_SETUP_NVIDIA_DRIVER_TOO_OLD */
export function requireNvidia(nvidia: NvidiaState): void {
  if (!nvidia.ok) throw new PlumblineError('PLB_TRAIN_SETUP_NO_NVIDIA_DRIVER', { reason: nvidia.reason });
  if (compareVersions(nvidia.driverVersion, oldestDriver) < 0) {
    throw new PlumblineError('PLB_TRAIN_SETUP_NVIDIA_DRIVER_TOO_OLD', {
      found: nvidia.driverVersion,
      needed: oldestDriver,
    });
  }
}

/** @throws {PlumblineError} PLB_TRAIN_SETUP_NO_COMPILER */
export async function requireCompiler(command: string): Promise<void> {
  const result = await runCommand(command, ['--version'], { timeoutMs: 20_000 });
  if (!result.ok) throw new PlumblineError('PLB_TRAIN_SETUP_NO_COMPILER', { command });
}

/** @throws {PlumblineError} PLB_TRAIN_SETUP_NO_PIP */
export async function requirePip(command: string): Promise<void> {
  const result = await runCommand(command, ['-m', 'pip', '--version'], { timeoutMs: 60_000 });
  if (!result.ok) throw new PlumblineError('PLB_TRAIN_SETUP_NO_PIP', { command, reason: result.reason });
}

/** @throws {PlumblineError} PLB_TRAIN_SETUP_DISK_FULL */
export async function requireSpace(dir: string, neededMegabytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  const freeMegabytes = Math.floor((bavail * bsize) / 1e6);
  if (freeMegabytes < neededMegabytes) {
    throw new PlumblineError('PLB_TRAIN_SETUP_DISK_FULL', { dir, freeMegabytes, neededMegabytes });
  }
}
