/** How far a step has come. `total` 0: it cannot be told beforehand. */
export interface SetupProgress {
  step: 'install packages' | 'download TensorFlow' | 'check the wheels' | 'unpack' | 'compile' | 'self-test';
  /** Bytes where the step moves bytes. */
  done: number;
  total: number;
}

export type ReportProgress = (progress: SetupProgress) => void;
