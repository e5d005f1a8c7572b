import { resolve } from 'node:path';
import { PlumblineError } from '@plumbline/contract';

export interface ShellArguments {
  /** Origin of the daemon, such as `http://127.0.0.1:8080`. */
  daemon: string;
  /** Absolute path of the file that holds the daemon's token. */
  tokenFile: string;
}

const ACCEPTED = '--daemon URL --token-file FILE';

/**
 * Reads the command line after the program and its folder. Switches of Chromium itself may stand between ours.
 * @throws {PlumblineError} PLB_CONSOLE_USAGE
 */
export function parseShellArguments(argv: readonly string[], folder: string): ShellArguments {
  const read = (name: string): string | undefined => {
    const at = argv.findIndex((word) => word === name || word.startsWith(`${name}=`));
    if (at < 0) return undefined;
    const word = argv[at]!;
    const value = word === name ? argv[at + 1] : word.slice(name.length + 1);
    if (!value || value.startsWith('--')) throw usage(`${name} has no value`);
    return value;
  };
  const daemon = read('--daemon') ?? 'http://127.0.0.1:8080';
  const tokenFile = read('--token-file');
  if (!tokenFile) throw usage('--token-file is missing');
  return { daemon: originOf(daemon), tokenFile: resolve(folder, tokenFile) };
}

function originOf(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw usage(`--daemon ${text} is not an address`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw usage(`--daemon ${text} is not an http(s) address`);
  return url.origin;
}

function usage(problem: string): PlumblineError {
  return new PlumblineError('PLB_CONSOLE_USAGE', { problem, accepted: ACCEPTED });
}
