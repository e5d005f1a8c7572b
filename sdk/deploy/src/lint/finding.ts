import type { OnnxNode } from '@plumbline/runtime/onnx';
import type { LintView } from './lint-view.js';
import type { TensorrtVersion } from './versions.js';

/**
 * What comes of a finding. `refused`: no engine is built; `outside`: the node runs outside TensorRT; `slow`: it runs
 * slower than it could; `note`: it may compute something else, or deserves a look.
 */
export const severities = ['refused', 'outside', 'slow', 'note'] as const;
export type Severity = (typeof severities)[number];

/**
 * How TensorRT gets the graph. `engine`: whole, as trtexec takes it; `onnxruntime`: through ONNX Runtime's TensorRT
 * execution provider, which leaves to CUDA or the processor what TensorRT refuses.
 */
export const lintRoutes = ['engine', 'onnxruntime'] as const;
export type LintRoute = (typeof lintRoutes)[number];

export interface Finding {
  readonly severity: Severity;
  /** Stable id of the rule. */
  readonly rule: string;
  /** Name of the node, or of its first output where it has none; the value for what concerns a graph input or constant. */
  readonly node: string;
  /** Operator type; empty for a value or the whole graph. */
  readonly op: string;
  /** What TensorRT does and what to do. */
  readonly message: string;
  /** Where that is known from. */
  readonly source: string;
}

/** One place where a rule applies: a node, or the name of a value, empty for the whole graph. */
export type Hit = readonly [where: OnnxNode | string, message: string];

export interface LintContext {
  readonly view: LintView;
  readonly version: TensorrtVersion;
  readonly route: LintRoute;
}

export interface Rule {
  readonly id: string;
  /** On the route `engine`; on `onnxruntime` a refused node becomes one outside. */
  readonly severity: Severity;
  readonly versions: readonly TensorrtVersion[];
  /** Routes that it concerns; both when absent. */
  readonly route?: LintRoute;
  readonly source: string;
  check(context: LintContext): Iterable<Hit>;
}
