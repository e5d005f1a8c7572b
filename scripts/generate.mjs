// Writes what is derived from the contract: docs/reference/errors.md and the JSON Schemas of configuration files.
// `npm run generate` after a build; test/docs.test.ts regenerates and fails on a difference.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generatedFiles } from './generated-files.mjs';

const root = join(import.meta.dirname, '..');
for (const [file, content] of Object.entries(generatedFiles())) {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), content);
  process.stdout.write(`${file}\n`);
}
