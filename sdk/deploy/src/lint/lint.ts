import type { OnnxModel } from '@plumbline/runtime/onnx';
import { type Finding, type LintRoute, type Severity, severities } from './finding.js';
import { LintView, nameOf } from './lint-view.js';
import { rules } from './rules.js';
import type { TensorrtVersion } from './versions.js';

export interface LintOptions {
  /** `engine` when absent. */
  readonly route?: LintRoute;
}

/**
 * Everything in a graph that a version of TensorRT refuses, places outside, computes slowly or computes differently, as far
 * as its documents and the source of its ONNX parser tell: nothing is built. Graphs inside Loop, If and Scan are not read.
 * @returns most severe first, then by rule, in the order of the graph
 */
export function lintForTensorrt(model: OnnxModel, version: TensorrtVersion, options: LintOptions = {}): Finding[] {
  const route = options.route ?? 'engine';
  const context = { view: new LintView(model), version, route };
  const findings: Finding[] = [];
  for (const rule of rules) {
    if (!rule.versions.includes(version) || (rule.route ?? route) !== route) continue;
    const severity: Severity = rule.severity === 'refused' && route === 'onnxruntime' ? 'outside' : rule.severity;
    for (const [where, message] of rule.check(context)) {
      const [node, op] = typeof where === 'string' ? [where, ''] : [nameOf(where), where.op_type];
      findings.push({ severity, rule: rule.id, node, op, message, source: rule.source });
    }
  }
  return findings.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity));
}
