import { fileURLToPath } from 'node:url';
import { cacheRoot } from './locate.js';
import { runCommand } from './setup/run-command.js';

export type TensorflowProbe = { ok: true; version: string } | { ok: false; reason: string };

/** Starts the engine of `cacheDir` in a child process and lets it compute a gradient; takes about a second. */
export async function probeTensorflow(cacheDir: string = cacheRoot()): Promise<TensorflowProbe> {
  const program = fileURLToPath(new URL('./self-test.js', import.meta.url));

  const result = await runCommand(process.execPath, [program, cacheDir], { timeoutMs: 120_000 });
  if (result.ok) {
    try {
      return { ok: true, version: (JSON.parse(result.stdout) as { version: string }).version };
    } catch {
      return { ok: false, reason: `unexpected output: ${result.stdout.slice(0, 200)}` };
    }
  }
  return { ok: false, reason: result.reason };
}
