export { type ImportOptions, type ImportReport, importModelWeights } from './import-model-weights.js';
export { type KeyTarget, targetOf, type WeightLayout } from './layouts.js';
export { type PthFile, readPth } from './read-pth.js';
export { readWeights, type WeightFile } from './read-weights.js';
export { type ImportSource, writeImportedModel } from './write-imported-model.js';
