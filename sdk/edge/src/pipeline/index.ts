export type { Inspection, Outcome } from '../inspection.js';
export {
  type FrameDetector,
  InspectionPipeline,
  type InspectionSink,
  type JobContext,
  type PipelineDependencies,
} from './inspection-pipeline.js';
export type { InspectedFrame, PipelineObserver, Stage } from './observer.js';
export { SharedImage } from './shared-image.js';
