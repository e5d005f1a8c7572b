export { type NamedTensor, readSafetensors, type TensorData, writeSafetensors } from './safetensors.js';
