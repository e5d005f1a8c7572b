export { type CreateSourceOptions, createFrameSource } from './create-source.js';
export { FramePool } from './frame-pool.js';
export type { CapturedFrame, FrameSource, SkippedFrame } from './frame-source.js';
export { ImagesSource, type ImagesSourceOptions } from './images-source.js';
export { LatestWinsMailbox } from './mailbox.js';
export { Schedule } from './schedule.js';
