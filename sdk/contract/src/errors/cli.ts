import { entry } from './define.js';

export const cliErrors = {
  PLB_CLI_USAGE: entry(
    (p: { problem: string; accepted: string }) => `${p.problem}; accepted: ${p.accepted}`,
    'Run the command with --help to see its options and an example.',
    'input',
  ),
  PLB_CLI_WRITE_FAILED: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be written (${p.reason})`,
    'Make room or choose another place. What was there before is unchanged and no partial file is left behind.',
  ),
  PLB_CLI_PACKAGE_MISSING: entry(
    (p: { command: string; packageName: string }) =>
      `\`plumbline ${p.command}\` needs ${p.packageName}, which is not installed`,
    'An edge box does not carry it. Install it on the desktop with `npm install` and the package named above.',
    'input',
  ),
} as const;
