import { toErrorReport } from '@plumbline/contract';
import type { DeviceSources, JetPack, Trtexec } from '@plumbline/runtime/tensorrt';
import type { Check } from './check.js';
import { runProgram } from './run-program.js';

/** What this machine has of the parts that run a model through TensorRT. A reason takes the place of what is not there. */
export interface TensorrtFacts {
  /** The onnxruntime-node in use: its version, the providers compiled in, and the folder when another than npm's is configured. */
  readonly onnxruntime: { version: string; backends: string[]; folder: string | undefined } | { reason: string };
  /** undefined when this is no Jetson. */
  readonly jetPack: JetPack | undefined | { reason: string };
  readonly tensorrt: { version: string } | { reason: string };
  readonly trtexec: Trtexec | undefined;
}

type Tensorrt = typeof import('@plumbline/runtime/tensorrt');

/**
 * Asks this machine.
 * @param entry path that `require` loads the onnxruntime-node in use from; undefined when there is none
 * @param folder of the configured onnxruntime-node
 */
export async function findTensorrt(
  { findTrtexec, readJetPack, readTensorrtVersion }: Tensorrt,
  entry: string | undefined,
  folder: string | undefined,
  sources?: DeviceSources,
): Promise<TensorrtFacts> {
  const orReason = (error: unknown) => ({ reason: toErrorReport(error).message });
  const [onnxruntime, jetPack, tensorrt, trtexec] = await Promise.all([
    askOnnxruntime(entry, folder),
    readJetPack(sources).catch(orReason),
    readTensorrtVersion(sources).then((version) => ({ version }), orReason),
    findTrtexec(sources),
  ]);
  return { onnxruntime, jetPack, tensorrt, trtexec };
}

/** In a process of its own: a native library that does not fit may end it. */
async function askOnnxruntime(
  entry: string | undefined,
  folder: string | undefined,
): Promise<TensorrtFacts['onnxruntime']> {
  if (entry === undefined) return { reason: 'not installed' };
  const script = `const m = require(${JSON.stringify(entry)});
    const backends = m.listSupportedBackends().map(({ name }) => name);
    process.stdout.write(JSON.stringify({ version: m.env.versions.node, backends }));`;
  const { ok, output } = await runProgram(process.execPath, ['-e', script]);
  return ok ? { ...JSON.parse(output), folder } : { reason: `does not load: ${output}` };
}

/** The lines for TensorRT. None is required: a model runs on the processor without it. */
export function describeTensorrt(facts: TensorrtFacts, { isPinnedPairing, pinnedPairing }: Tensorrt): Check[] {
  const { onnxruntime, jetPack, tensorrt, trtexec } = facts;
  const isJetson = jetPack !== undefined;
  const backends = 'backends' in onnxruntime ? onnxruntime.backends : [];
  const line = (id: string, ok: boolean, found: string, expected: string, fix: string): Check => ({
    id,
    ok,
    required: false,
    found,
    expected,
    fix: ok ? '' : fix,
  });
  return [
    line(
      'backends',
      backends.includes(isJetson ? 'tensorrt' : 'cpu'),
      'reason' in onnxruntime
        ? onnxruntime.reason
        : `${backends.join(', ')} in ONNX Runtime ${onnxruntime.version}${onnxruntime.folder ? ` of ${onnxruntime.folder}` : ''}`,
      isJetson ? 'tensorrt among them' : 'cpu among them',
      isJetson
        ? 'Build one with firmware-configs/system/jetson/build-onnxruntime-node.sh and name its folder in PLUMBLINE_ONNXRUNTIME.'
        : 'Run `npm ci` again, or unset PLUMBLINE_ONNXRUNTIME.',
    ),
    line(
      'jetpack',
      jetPack !== undefined && 'version' in jetPack,
      jetPack === undefined
        ? 'this is no Jetson'
        : 'reason' in jetPack
          ? jetPack.reason
          : `JetPack ${jetPack.version} (L4T ${jetPack.l4t})`,
      'a Jetson with JetPack 6.1 or 6.2',
      isJetson
        ? 'Install JetPack 6.2; `plumbline engine` refuses older ones than 6.'
        : 'For TensorRT on a Jetson only: run this on the device.',
    ),
    line(
      'tensorrt',
      'version' in tensorrt && trtexec !== undefined,
      'reason' in tensorrt
        ? tensorrt.reason
        : `TensorRT ${tensorrt.version}${trtexec ? `, trtexec at ${trtexec.path}` : ', no trtexec'}`,
      'TensorRT with trtexec, for `plumbline engine build`',
      'On a device with an NVIDIA processor: `sudo apt-get install tensorrt libnvinfer-bin` (JetPack brings both).',
    ),
    describePairing(facts, isPinnedPairing, pinnedPairing.text),
  ];
}

function describePairing(
  { onnxruntime, jetPack, tensorrt }: TensorrtFacts,
  isPinned: Tensorrt['isPinnedPairing'],
  expected: string,
): Check {
  const runtime = 'version' in onnxruntime ? onnxruntime.version : undefined;
  const version = 'version' in tensorrt ? tensorrt.version : undefined;
  const release = jetPack && 'version' in jetPack ? jetPack.version : null;
  const ok = runtime !== undefined && version !== undefined && isPinned(runtime, version, release);
  const found = `ONNX Runtime ${runtime ?? 'none'}, TensorRT ${version ?? 'none'}, JetPack ${release ?? 'none'}`;
  const fix =
    'For a Jetson only; no pairing was run on hardware by this project yet, see firmware-configs/system/jetson/README.md.';
  return { id: 'tensorrt-pairing', ok, required: false, found, expected, fix: ok ? '' : fix };
}
