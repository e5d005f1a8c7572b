import { fileURLToPath } from 'node:url';
import { cacheRoot } from './locate.js';
import { runCommand } from './setup/run-command.js';

export type TensorflowProbe =
  /** `device` as in {@link Engine}. */
  { ok: true; version: string; device: string } | { ok: false; reason: string };

/**
 * Starts the engine of `cacheDir` in a child process and lets it compute gradients; takes about a second. On a device
 * newer than TensorFlow's wheel the driver first compiles all of its programs, which it says can take half an hour.
 * @param needsDevice computing on the processor is a failure
 */
export async function probeTensorflow(
  cacheDir: string = cacheRoot(),
  { needsDevice = false } = {},
): Promise<TensorflowProbe> {
  const program = fileURLToPath(new URL('./self-test.js', import.meta.url));
  const timeoutMs = needsDevice ? 45 * 60_000 : 120_000;
  const result = await runCommand(process.execPath, [program, cacheDir], {
    timeoutMs,
    // Warnings too, where a library that cannot be opened must be named.
    ...(needsDevice ? { env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '1' } } : {}),
  });
  if (!result.ok) return { ok: false, reason: result.reason };
  try {
    const { version, device, remark } = JSON.parse(result.stdout) as Answer;
    if (needsDevice && device === 'cpu') {
      return { ok: false, reason: [remark ?? 'it computes on the processor', ...warnings(result.stderr)].join(' | ') };
    }
    return { ok: true, version, device };
  } catch {
    return { ok: false, reason: `unexpected output: ${result.stdout.slice(0, 200)}` };
  }
}

interface Answer {
  version: string;
  device: string;
  remark?: string;
}

/** What TensorFlow and CUDA complained of, without time stamps: at most three lines. */
function warnings(stderr: string): string[] {
  return stderr
    .split('\n')
    .filter((line) => /dlopen|Could not load|failed call to|CUDA_ERROR|cuda driver/i.test(line))
    .map((line) => line.replace(/^.*?\] /, '').trim())
    .slice(0, 3);
}
