import { execFile } from 'node:child_process';

/** What a program printed, whatever its exit code. */
export interface ProgramAnswer {
  /** Ended by itself with exit code 0. */
  readonly ok: boolean;
  /** There is no such program. */
  readonly isMissing: boolean;
  readonly output: string;
}

/** Runs a program without a shell for at most 30 s; standard output and standard error come as one text. */
export function askProgram(program: string, args: readonly string[]): Promise<ProgramAnswer> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 30_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const isMissing = ['ENOENT', 'EACCES', 'ENOTDIR'].includes(String(error?.code));
      resolve({ ok: !error, isMissing, output: stdout + stderr });
    });
  });
}
