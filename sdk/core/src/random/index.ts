export { createRandom, mixSeed, type Random } from './random.js';
