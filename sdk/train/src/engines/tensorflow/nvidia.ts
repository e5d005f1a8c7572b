import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './setup/run-command.js';

/** A graphics card, as NVIDIA's driver calls it. */
export interface NvidiaDevice {
  name: string;
  /** `GPU-` and a UUID; CUDA_VISIBLE_DEVICES takes it. */
  uuid: string;
  /** 0 if it cannot be told. */
  memoryMegabytes: number;
}

export type NvidiaState =
  /** Devices in the order of their PCI bus ids. */
  { ok: true; driverVersion: string; devices: NvidiaDevice[] } | { ok: false; reason: string };

/** Where to look; for tests. */
export interface NvidiaSources {
  /** Default `nvidia-smi`. */
  nvidiaSmi?: string;
  /** Default `/proc/driver/nvidia`, which the kernel module fills. */
  procDir?: string;
  /** Finds the library TensorFlow opens to reach the driver. */
  hasLibcuda?: () => Promise<boolean>;
}

/**
 * The driver of this machine and its devices, from nvidia-smi, or from the kernel module where that program is absent
 * (containers). A driver without libcuda.so.1 (a container that was given no compute libraries) counts as none.
 */
export async function findNvidia(sources: NvidiaSources = {}): Promise<NvidiaState> {
  const { nvidiaSmi = 'nvidia-smi', procDir = '/proc/driver/nvidia', hasLibcuda = findLibcuda } = sources;
  const args = ['--query-gpu=driver_version,memory.total,uuid,name', '--format=csv,noheader,nounits'];
  const answer = await runCommand(nvidiaSmi, args, { timeoutMs: 30_000 });
  if (!answer.ok && !answer.isMissing) return { ok: false, reason: `nvidia-smi: ${answer.reason}` };
  const found = answer.ok ? parseNvidiaSmi(answer.stdout) : await readKernelModule(procDir);
  if (!found) {
    const reason = answer.ok ? 'nvidia-smi lists no device' : 'neither nvidia-smi nor the kernel module is there';
    return { ok: false, reason };
  }
  if (found.devices.length === 0) return { ok: false, reason: `driver ${found.driverVersion} lists no device` };
  if (!(await hasLibcuda())) {
    return { ok: false, reason: `driver ${found.driverVersion} is there, its library libcuda.so.1 is not` };
  }
  return { ok: true, ...found };
}

type Found = Omit<Extract<NvidiaState, { ok: true }>, 'ok'>;

function parseNvidiaSmi(text: string): Found | undefined {
  const rows = text
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((fields) => fields.length >= 4);
  if (rows.length === 0) return undefined;
  return {
    driverVersion: rows[0]![0]!,
    devices: rows.map(([, memory, uuid, ...name]) => ({
      name: name.join(', '),
      uuid: uuid!,
      memoryMegabytes: Number(memory) || 0, // "[N/A]" where a device shares the machine's memory
    })),
  };
}

async function readKernelModule(procDir: string): Promise<Found | undefined> {
  const versionText = await readFile(join(procDir, 'version'), 'utf8').catch(() => '');
  const driverVersion = /Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s/.exec(versionText)?.[1];
  if (!driverVersion) return undefined;
  const busIds = (await readdir(join(procDir, 'gpus')).catch(() => [])).sort();
  const devices: NvidiaDevice[] = [];
  for (const busId of busIds) {
    const text = await readFile(join(procDir, 'gpus', busId, 'information'), 'utf8').catch(() => '');
    const name = /^Model:\s*(.+)$/m.exec(text)?.[1]?.trim();
    const uuid = /^GPU UUID:\s*(\S+)/m.exec(text)?.[1];
    if (name && uuid) devices.push({ name, uuid, memoryMegabytes: 0 });
  }
  return { driverVersion, devices };
}

/** Where the loader looks: LD_LIBRARY_PATH, its cache, and the folders it knows without one. */
async function findLibcuda(): Promise<boolean> {
  const library = 'libcuda.so.1';
  const folders = [
    ...(process.env.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean),
    '/usr/lib64',
    '/lib64',
    '/usr/lib',
  ];
  if (folders.some((folder) => existsSync(join(folder, library)))) return true;
  // Ordinary users of Debian do not have /sbin in PATH.
  const cache = await runCommand('/sbin/ldconfig', ['-p'], { timeoutMs: 20_000 });
  return cache.ok && cache.stdout.split('\n').some((line) => line.trim().startsWith(`${library} `));
}

/**
 * What to set so that TensorFlow opens one device only: it would take memory on all of them, and tfjs-node computes on
 * the last. Chosen is the one with the most memory, the first of equals. Nothing is set where the user has chosen
 * (CUDA_VISIBLE_DEVICES), nor where there is no choice.
 */
export function deviceEnvironment(
  devices: readonly NvidiaDevice[],
  env: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  if (env.CUDA_VISIBLE_DEVICES !== undefined || devices.length < 2) return {};
  const largest = devices.reduce((best, device) => (device.memoryMegabytes > best.memoryMegabytes ? device : best));
  return { CUDA_VISIBLE_DEVICES: largest.uuid };
}

/**
 * The name of the device that tfjs-node computes on: the last one that CUDA_VISIBLE_DEVICES lets TensorFlow see.
 * Numbers in it follow the PCI bus under `CUDA_DEVICE_ORDER=PCI_BUS_ID`, which `startTensorflow` sets; with another
 * order and several devices the name cannot be told, and the vendor alone is named.
 */
export function usedDeviceName(devices: readonly NvidiaDevice[], env: NodeJS.ProcessEnv = process.env): string {
  const unknown = 'an NVIDIA device';
  if (devices.length === 1) return devices[0]!.name;
  const last = env.CUDA_VISIBLE_DEVICES?.split(',').at(-1)?.trim();
  const byUuid = devices.find(({ uuid }) => last && uuid.startsWith(last)); // CUDA takes a beginning that is unique
  if (byUuid) return byUuid.name;
  const isPciOrder = env.CUDA_DEVICE_ORDER === 'PCI_BUS_ID';
  const index = last === undefined ? devices.length - 1 : /^\d+$/.test(last) ? Number(last) : Number.NaN;
  return (isPciOrder ? devices[index]?.name : undefined) ?? unknown;
}
