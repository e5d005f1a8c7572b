import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { isPlumblineError, type LineConfig, lineConfigSchema, PlumblineError } from '@plumbline/contract';
import { checkConfig, loadConfig, type Schema } from '@plumbline/core/config';
import { findUnknownClasses } from '@plumbline/edge/decide';

/** A checked line.yaml with its paths resolved. */
export interface LineSetup {
  readonly file: string;
  readonly config: LineConfig;
  readonly baseDir: string;
  readonly storeDir: string;
  readonly modelDir: string;
  /** Changes with every change of the file: the first 12 digits of its sha256. */
  readonly configurationId: string;
}

/**
 * Reads a line.yaml.
 * @throws {PlumblineError} PLB_CONFIG_UNREADABLE, PLB_CONFIG_SYNTAX, PLB_CONFIG_INVALID with the place in the file
 */
export function loadLine(lineFile: string): LineSetup {
  const file = resolve(lineFile);
  const config = loadConfig(file, lineConfigSchema);
  const baseDir = dirname(file);
  return {
    file,
    config,
    baseDir,
    storeDir: resolve(baseDir, config.store),
    modelDir: resolve(baseDir, config.model),
    configurationId: createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12),
  };
}

/**
 * Refuses rules that could never trigger because the model does not know their class.
 * @throws {PlumblineError} PLB_DAEMON_RULE_CLASS_UNKNOWN with the place in line.yaml
 */
export function checkRuleClasses(setup: LineSetup, classes: readonly string[]): void {
  const [unknown] = findUnknownClasses(setup.config.rules, classes);
  if (!unknown) return;
  const { line, column } = locate(readFileSync(setup.file, 'utf8'), unknown.path);
  throw new PlumblineError('PLB_DAEMON_RULE_CLASS_UNKNOWN', {
    file: setup.file,
    line,
    column,
    rule: unknown.rule,
    className: unknown.className,
    accepted: `${classes.join(', ')} and '*'`,
  });
}

/** Says where in line.yaml a model is named that cannot be loaded; anything else passes unchanged. */
export function locateModelError(setup: LineSetup, cause: unknown): unknown {
  if (!isPlumblineError(cause) || cause.kind !== 'input') return cause;
  const { line, column } = locate(readFileSync(setup.file, 'utf8'), ['model']);
  const place = { file: setup.file, line, column };
  return new PlumblineError(
    'PLB_DAEMON_MODEL_UNUSABLE',
    { ...place, reason: `${cause.message} (${cause.code})` },
    { cause },
  );
}

/** Where a value stands in a configuration text; line and column count from 1. */
function locate(text: string, path: readonly (string | number)[]): { line: number; column: number } {
  const refusing: Schema<never> = {
    safeParse: () => ({ success: false, error: { issues: [{ path: [...path], message: '' }] } }),
  };
  const checked = checkConfig(text, refusing);
  return checked.ok ? { line: 1, column: 1 } : checked.issues[0]!;
}
