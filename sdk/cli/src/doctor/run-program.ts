import { execFile } from 'node:child_process';

/** Runs a program without a shell for at most 30 s. @returns what it printed, or the last line of its complaint */
export function runProgram(program: string, args: string[]): Promise<{ ok: boolean; output: string }> {
  return new Promise((resolve) => {
    // A child that loads ONNX Runtime by itself is not to send anything either.
    const env = { ORT_DISABLE_TELEMETRY: '1', ...process.env };
    execFile(program, args, { timeout: 30_000, env }, (error, stdout, stderr) => {
      if (!error) return resolve({ ok: true, output: stdout.trim() });
      const complaint = stderr.split('\n').find((line) => /error/i.test(line)) ?? error.message;
      resolve({ ok: false, output: complaint.trim() });
    });
  });
}
