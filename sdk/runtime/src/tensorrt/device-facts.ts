import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceFacts, PlumblineError } from '@plumbline/contract';
import { askProgram } from './ask-program.js';
import { type DeviceSources, findTrtexec, isVersionAtLeast, type Trtexec, trtexecCandidates } from './find-trtexec.js';
import { type JetPack, jetPackOf, parseTegraRelease } from './jetpack.js';

const tegraRelease = 'etc/nv_tegra_release';
const deviceTree = 'proc/device-tree';

/** Compute capability by system-on-chip (Xavier, Orin, Thor), for where nvidia-smi does not tell. Thor's was not verified. */
const capabilityOfTegra: Readonly<Record<string, string>> = {
  'nvidia,tegra194': '7.2',
  'nvidia,tegra234': '8.7',
  'nvidia,tegra264': '11.0',
};

/**
 * Everything that an engine depends on of this device.
 * @param trtexec the one in use, when it is known already
 * @throws {PlumblineError} PLB_RUNTIME_DEVICE_FACT_MISSING names what was looked for; PLB_RUNTIME_JETPACK_UNSUPPORTED
 */
export async function readDeviceFacts(sources: DeviceSources = {}, trtexec?: Trtexec): Promise<DeviceFacts> {
  // JetPack first: what an unsupported one lacks is of no interest.
  const jetPack = await readJetPack(sources);
  const [tensorrt, graphics] = await Promise.all([
    trtexec ? trtexec.version : readTensorrtVersion(sources),
    readGraphics(sources),
  ]);
  return { tensorrt, ...graphics, jetPack: jetPack?.version ?? null, l4t: jetPack?.l4t ?? null };
}

/**
 * @returns undefined when this is no Jetson
 * @throws {PlumblineError} PLB_RUNTIME_JETPACK_UNSUPPORTED, PLB_RUNTIME_DEVICE_FACT_MISSING
 */
export async function readJetPack({ root = '/' }: DeviceSources = {}): Promise<JetPack | undefined> {
  const text = await readText(join(root, tegraRelease));
  const l4t = parseTegraRelease(text);
  if (l4t === undefined) {
    if (!(await readJetsonBoard(root))) return undefined;
    throw new PlumblineError('PLB_RUNTIME_DEVICE_FACT_MISSING', {
      fact: 'the JetPack version',
      lookedFor: `"# R36 (release), REVISION: ..." in ${join(root, tegraRelease)}`,
    });
  }
  const jetPack = jetPackOf(l4t);
  if (!jetPack.isSupported) {
    const params = { jetPack: jetPack.version, l4t, tensorrt: jetPack.tensorrt ?? 'of unknown version' };
    throw new PlumblineError('PLB_RUNTIME_JETPACK_UNSUPPORTED', params);
  }
  return jetPack;
}

/**
 * From trtexec's banner, or where there is no trtexec from the Debian package of the library; both as major.minor.patch.
 * @throws {PlumblineError} PLB_RUNTIME_DEVICE_FACT_MISSING
 */
export async function readTensorrtVersion(sources: DeviceSources = {}): Promise<string> {
  const version = (await findTrtexec(sources))?.version ?? (await readLibraryVersion(sources));
  if (version) return version;
  const lookedFor = [...trtexecCandidates(sources), `package libnvinfer in ${sources.dpkgQuery ?? 'dpkg-query'}`];
  throw new PlumblineError('PLB_RUNTIME_DEVICE_FACT_MISSING', {
    fact: 'the TensorRT version',
    lookedFor: lookedFor.join(', '),
  });
}

/** `ii  libnvinfer10 10.3.0.30-1+cuda12.5` -> `10.3.0`; the newest of several. */
async function readLibraryVersion({ dpkgQuery = 'dpkg-query' }: DeviceSources): Promise<string | undefined> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: fields of dpkg-query
  const format = '${db:Status-Abbrev} ${Package} ${Version}\\n';
  const { output } = await askProgram(dpkgQuery, ['-W', `-f=${format}`, 'libnvinfer[0-9]*']);
  const installed = [...output.matchAll(/^ii\s+libnvinfer\d+ (\d+\.\d+\.\d+)/gm)].map((match) => match[1]!);
  return installed.sort((a, b) => (isVersionAtLeast(a, b) ? -1 : 1))[0];
}

/** Board and system-on-chip by the device tree; undefined when this is no Jetson. */
async function readJetsonBoard(root: string): Promise<{ name: string; chip: string } | undefined> {
  const compatible = (await readText(join(root, deviceTree, 'compatible'))).split('\0').filter(Boolean);
  const chip = compatible.find((entry) => /^nvidia,tegra\d+$/.test(entry));
  const model = (await readText(join(root, deviceTree, 'model'))).replaceAll('\0', '').trim();
  if (chip === undefined && !/Jetson/.test(model)) return undefined;
  // The model is the carrier board's; its first compatible name tells an 8 GB module from a 4 GB one.
  const module = compatible.find((entry) => /p\d{4}-\d{4}/.test(entry));
  return { name: [model || 'NVIDIA Jetson', module].filter(Boolean).join(', '), chip: chip ?? '' };
}

/** Name and compute capability of the first device, which is the one trtexec and ONNX Runtime take. */
async function readGraphics(sources: DeviceSources): Promise<Pick<DeviceFacts, 'gpu' | 'computeCapability'>> {
  const { root = '/', nvidiaSmi = 'nvidia-smi' } = sources;
  const [board, answer] = await Promise.all([
    readJetsonBoard(root),
    askProgram(nvidiaSmi, ['--query-gpu=name,compute_cap', '--format=csv,noheader']),
  ]);
  // JetPack 6 has an nvidia-smi that answers "Orin (nvgpu), 8.7" or "[N/A]"; JetPack 5 has none.
  const [, name, reported] = (answer.ok && /^(.+), (\d+\.\d+)$/m.exec(answer.output)) || [];
  const gpu = board?.name ?? name;
  const computeCapability = reported ?? capabilityOfTegra[board?.chip ?? ''];
  if (gpu !== undefined && computeCapability !== undefined) return { gpu, computeCapability };
  throw new PlumblineError('PLB_RUNTIME_DEVICE_FACT_MISSING', {
    fact: 'name and compute capability of the graphics processor',
    lookedFor: `${join(root, deviceTree, 'model')} of a Jetson, an answer of ${nvidiaSmi} --query-gpu=name,compute_cap`,
  });
}

/** Empty when the file cannot be read. */
function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
