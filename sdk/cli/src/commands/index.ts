import type { Command } from 'commander';
import { registerBench } from './bench.js';
import { registerConfig } from './config.js';
import { registerDataset } from './dataset.js';
import { registerDoctor } from './doctor.js';
import { registerEngine } from './engine.js';
import { registerEval } from './eval.js';
import { registerExport } from './export.js';
import { registerMes } from './mes.js';
import { registerModel } from './model.js';
import { registerModelAdopt } from './model-adopt.js';
import { registerModelImport } from './model-import.js';
import { registerModelLint } from './model-lint.js';
import { registerOutbox } from './outbox.js';
import { registerPredict } from './predict.js';
import { registerQuantize } from './quantize.js';
import { registerReplay } from './replay.js';
import { registerRun } from './run.js';
import { registerTrain } from './train.js';

/** One line per command file; each loads the packages it needs only when it runs. */
const registrations: ((program: Command) => void)[] = [
  registerConfig,
  registerExport,
  registerQuantize,
  registerEngine,
  registerBench,
  registerTrain,
  registerModel,
  registerModelImport,
  registerModelAdopt,
  registerModelLint,
  registerPredict,
  registerEval,
  registerDataset,
  registerDoctor,
  registerMes,
  registerOutbox,
  registerRun,
  registerReplay,
];

export function registerCommands(program: Command): void {
  for (const register of registrations) register(program);
}
