/** The part of pino's logger that packages use; a daemon passes its own, tests pass {@link silentLogger}. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const nothing = () => {};
export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Plain lines on stderr for the command line; stdout stays free for `--json`. */
export function stderrLogger(write: (line: string) => void = (line) => void process.stderr.write(line)): Logger {
  const line = (level: string) => (fields: object, message: string) => {
    const values = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
    write(`${level} ${message}${values.join('')}\n`);
  };
  return { debug: nothing, info: line('info'), warn: line('warn'), error: line('error') };
}
