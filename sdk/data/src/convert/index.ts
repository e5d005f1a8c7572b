export { mapClasses } from './class-map.js';
export {
  type ConvertedFormat,
  type ConvertOptions,
  type ConvertReport,
  convertDataset,
  convertedFormats,
} from './convert-dataset.js';
export { type DatasetSplit, type SplitOptions, splitDataset } from './split-dataset.js';
export { type WrittenSplit, writeSplit } from './write-split.js';
