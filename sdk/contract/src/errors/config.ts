import { entry } from './define.js';

export const configErrors = {
  PLB_CONFIG_INVALID: entry(
    (p: { file: string; line: number; column: number; path: string; problem: string; more: number }) =>
      `${p.file}:${p.line}:${p.column}: ${p.path ? `${p.path}: ` : ''}${p.problem}${p.more > 0 ? ` (and ${p.more} more)` : ''}`,
    'Correct the named key; `plumbline config check FILE` lists every problem and what is accepted.',
    'input',
  ),
  PLB_CONFIG_SYNTAX: entry(
    (p: { file: string; line: number; column: number; problem: string }) =>
      `${p.file}:${p.line}:${p.column}: ${p.problem}`,
    'The file is not valid YAML or JSON at this place. Correct it and run `plumbline config check FILE`.',
    'input',
  ),
  PLB_CONFIG_UNREADABLE: entry(
    (p: { file: string; reason: string }) => `${p.file}: cannot be read (${p.reason})`,
    'Check that the path is right and that the user running this process may read the file.',
    'input',
  ),
} as const;
