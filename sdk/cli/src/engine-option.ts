import type { Engine, EngineChoice } from '@plumbline/train/engines';
import { Option } from 'commander';

const choices: readonly EngineChoice[] = ['auto', 'tensorflow', 'webgpu', 'wasm'];

export const engineOption = () => new Option('--engine <name>', 'numeric engine').choices(choices).default('auto');

/** What runs, and why, on stderr. */
export function printEngine({ name, version, device, reason }: Engine): void {
  process.stderr.write(`engine ${name} ${version}${device === 'cpu' ? '' : ` on ${device}`}: ${reason}\n`);
}
