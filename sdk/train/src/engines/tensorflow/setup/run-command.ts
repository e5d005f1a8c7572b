import { spawn } from 'node:child_process';

export type CommandResult =
  | { ok: true; stdout: string; stderr: string }
  /** `isMissing`: the program itself does not exist. */
  | { ok: false; isMissing: boolean; reason: string };

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  timeoutMs?: number;
}

/** Runs a program without a shell. A failure's `reason` is the last lines it printed, or the signal that ended it. */
export function runCommand(command: string, args: string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd ? { cwd: options.cwd } : {}),
      ...(options.env ? { env: options.env } : {}),
    });
    // Not spawn's own `timeout`: its timer outlives a program that could not be started (Node 20).
    const timer = options.timeoutMs ? setTimeout(() => child.kill(), options.timeoutMs) : undefined;
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-20_000)));
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ ok: false, isMissing: error.code === 'ENOENT', reason: error.message });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve({ ok: true, stdout, stderr });
      const ended = signal ? `ended by ${signal}` : `exit code ${code}`;
      resolve({ ok: false, isMissing: false, reason: lastLines(stderr || stdout) || ended });
    });
  });
}

/** The last lines that say something, without the frames of a stack trace. */
function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s+at |^Node\.js v|^\s*\^/.test(line));
  const failure = lines.findLastIndex((line) => /error/i.test(line));
  return lines
    .slice(failure >= 0 ? Math.max(0, failure - 1) : -3)
    .slice(0, 4)
    .map((line) => line.trim())
    .join(' | ')
    .slice(0, 1000);
}
