import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PlumblineError } from '@plumbline/contract';
import { writeSafetensors } from '@plumbline/core/safetensors';
import { type DetectorModel, exportWeights } from '../model/index.js';
import type { CheckpointHeader } from '../train/checkpoint.js';
import type { ImportReport } from './import-model-weights.js';

/** Where the weights of a model come from. */
export interface ImportSource {
  readonly file: string;
  readonly layout: string;
}

/**
 * Writes a checkpoint folder that `plumbline predict`, `eval` and `export` open: config.json, weights.safetensors, and
 * import.json with the source and what became of every key.
 * @throws {PlumblineError} PLB_TRAIN_OUT_IN_USE when the folder is not empty
 */
export function writeImportedModel(
  dir: string,
  model: DetectorModel,
  source: ImportSource,
  report: ImportReport,
): void {
  mkdirSync(dir, { recursive: true });
  if (readdirSync(dir).length > 0) throw new PlumblineError('PLB_TRAIN_OUT_IN_USE', { dir });
  const weights = writeSafetensors(exportWeights(model.parameters));
  const header: CheckpointHeader = {
    schema: 'plumbline.checkpoint/1',
    runId: `import-${createHash('sha256').update(weights).digest('hex').slice(0, 12)}`,
    step: 0,
    classes: model.classes,
    config: model.config,
  };
  writeFileSync(join(dir, 'weights.safetensors'), weights);
  writeFileSync(join(dir, 'import.json'), JSON.stringify({ ...source, ...report }, null, 2));
  // Last: only with it the folder is a checkpoint.
  writeFileSync(join(dir, 'config.json'), JSON.stringify(header, null, 2));
}
