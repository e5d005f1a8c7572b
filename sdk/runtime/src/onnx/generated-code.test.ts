import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

it('the generated codec is what pbjs makes of proto/onnx.proto', () => {
  const script = join(import.meta.dirname, '../../scripts/generate-onnx.mjs');
  expect(spawnSync(process.execPath, [script, '--check']).status).toBe(0);
});
