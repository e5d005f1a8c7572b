import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelManifest } from '@plumbline/contract';
import { writeModelFile } from '@plumbline/deploy/quantize';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'plumbline-model-file-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const manifest = { id: 'm', version: '1.0.0', files: {} } as unknown as ModelManifest;
const target = () => ({ modelPath: join(dir, 'model.onnx'), manifestPath: join(dir, 'manifest.json'), manifest });

describe('writeModelFile', () => {
  it('writes the model and a manifest that knows its hash', async () => {
    const bytes = Uint8Array.of(1, 2, 3);
    await writeModelFile(target(), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')).files).toEqual({
      'model.onnx': { sha256, bytes: 3 },
    });
    expect(readdirSync(dir).sort()).toEqual(['manifest.json', 'model.onnx']);
  });

  it('leaves the old model where the manifest cannot be written, and names the manifest', async () => {
    writeFileSync(join(dir, 'model.onnx'), 'old');
    mkdirSync(join(dir, 'manifest.json.partial'));
    await expect(writeModelFile(target(), Uint8Array.of(1))).rejects.toMatchObject({
      code: 'PLB_DEPLOY_WRITE_FAILED',
      params: { file: join(dir, 'manifest.json'), reason: 'EISDIR' },
    });
    expect(readFileSync(join(dir, 'model.onnx'), 'utf8')).toBe('old');
    expect(readdirSync(dir).sort()).toEqual(['manifest.json.partial', 'model.onnx']);
  });
});
