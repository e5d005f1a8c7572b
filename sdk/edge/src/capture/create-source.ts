import { resolve } from 'node:path';
import type { SourceConfig } from '@plumbline/contract';
import type { FrameSource, SkippedFrame } from './frame-source.js';
import { ImagesSource } from './images-source.js';

export interface CreateSourceOptions {
  cameraId: string;
  /** Folder that relative paths of the configuration start at: the one of line.yaml. */
  baseDir: string;
  isLossless?: boolean;
  onSkip?: (skipped: SkippedFrame) => void;
}

/** The source that `source:` of a line.yaml describes. Opens nothing. */
export function createFrameSource(config: SourceConfig, options: CreateSourceOptions): FrameSource {
  const { baseDir, ...rest } = options;
  switch (config.kind) {
    case 'images':
      return new ImagesSource({
        ...rest,
        path: resolve(baseDir, config.path),
        framesPerSecond: config.framesPerSecond,
        loop: config.loop,
      });
  }
}
