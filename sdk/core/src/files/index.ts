export { type FileContent, writeWhole } from './write-whole.js';
