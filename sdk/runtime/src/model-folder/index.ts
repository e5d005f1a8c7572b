export { loadModelFolder, type ModelFolder, manifestFileName, modelFileName } from './model-folder.js';
