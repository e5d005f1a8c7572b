import { entry } from './define.js';

export const consoleErrors = {
  PLB_CONSOLE_USAGE: entry(
    (p: { problem: string; accepted: string }) => `${p.problem}; accepted: ${p.accepted}`,
    'Start it as `npm run console -- --daemon http://127.0.0.1:8080 --token-file STORE/api-token`.',
    'input',
  ),
  PLB_CONSOLE_TOKEN_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `token file ${p.file}: cannot be read (${p.reason})`,
    'The daemon writes it as `api-token` into its store folder at every start. Check the path, that the daemon runs, and that this user may read the file.',
  ),
} as const;
