export { type Logger, silentLogger, stderrLogger } from './logger.js';
