import type { Command } from 'commander';
import { registerConfig } from './config.js';

/** One line per command file; each loads the packages it needs only when it runs. */
const registrations: ((program: Command) => void)[] = [
  registerConfig,
];

export function registerCommands(program: Command): void {
  for (const register of registrations) register(program);
}
