import { readFileSync } from 'node:fs';
import { PlumblineError } from '@plumbline/contract';
import { LineCounter, type Node, parseDocument } from 'yaml';

/** The one method of a zod schema that is used here, so that this package needs no zod. */
export interface Schema<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: { path: PropertyKey[]; message: string; code?: string; keys?: string[] }[] } };
}

/** One problem of a configuration file; line and column count from 1. */
export interface ConfigIssue {
  path: string;
  line: number;
  column: number;
  message: string;
}

type Checked<T> = { ok: true; value: T } | { ok: false; kind: 'syntax' | 'schema'; issues: ConfigIssue[] };

/** Checks YAML or JSON text against a schema and locates every problem. */
export function checkConfig<T>(text: string, schema: Schema<T>): Checked<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  if (document.errors.length > 0) {
    const issues = document.errors.map((error) => ({
      path: '',
      ...at(error.pos[0]),
      message: error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
    }));
    return { ok: false, kind: 'syntax', issues };
  }
  const result = schema.safeParse(document.toJS());
  if (result.success) return { ok: true, value: deepFreeze(result.data) };
  const offsetOf = (path: PropertyKey[]): number => {
    // A missing key has no place of its own: the nearest existing parent is shown.
    for (let depth = path.length; depth >= 0; depth--) {
      const node = document.getIn(path.slice(0, depth), true) as Node | undefined;
      if (node?.range) return node.range[0];
    }
    return 0;
  };
  const issues = result.error.issues.flatMap((issue): ConfigIssue[] => {
    const keys = issue.code === 'unrecognized_keys' && issue.keys ? issue.keys : [undefined];
    return keys.map((key) => {
      const path = key === undefined ? issue.path : [...issue.path, key];
      const message = key === undefined ? issue.message : 'this key is not known';
      return { path: path.map(String).join('.'), ...at(keyOffset(document, path) ?? offsetOf(path)), message };
    });
  });
  return { ok: false, kind: 'schema', issues };
}

function keyOffset(document: ReturnType<typeof parseDocument>, path: PropertyKey[]): number | undefined {
  const last = path.at(-1);
  if (typeof last !== 'string') return undefined;
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  const items = (parent as { items?: { key?: { value?: unknown; range?: [number, number, number] } }[] } | null)?.items;
  return items?.find((pair) => pair.key?.value === last)?.key?.range?.[0];
}

/**
 * Parses and validates configuration text; the result is deep-frozen.
 * @throws {PlumblineError} PLB_CONFIG_SYNTAX, PLB_CONFIG_INVALID with the place of the first problem
 */
export function parseConfig<T>(file: string, text: string, schema: Schema<T>): T {
  const checked = checkConfig(text, schema);
  if (checked.ok) return checked.value;
  const first = checked.issues[0]!;
  const place = { file, line: first.line, column: first.column };
  if (checked.kind === 'syntax') throw new PlumblineError('PLB_CONFIG_SYNTAX', { ...place, problem: first.message });
  const more = checked.issues.length - 1;
  throw new PlumblineError('PLB_CONFIG_INVALID', { ...place, path: first.path, problem: first.message, more });
}

/**
 * Reads, parses and validates a configuration file.
 * @throws {PlumblineError} PLB_CONFIG_UNREADABLE and those of {@link parseConfig}
 */
export function loadConfig<T>(file: string, schema: Schema<T>): T {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new PlumblineError('PLB_CONFIG_UNREADABLE', { file, reason }, { cause });
  }
  return parseConfig(file, text, schema);
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
