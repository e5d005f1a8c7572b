import type { OnnxNode } from '@plumbline/runtime/onnx';
import type { Hit, LintContext } from './finding.js';
import { isOfOnnxDomain } from './lint-view.js';

/** A check of every node of some operator types of the ONNX domain; `problem` returns what to say of a node, if anything. */
export function onNodes(
  types: string,
  problem: (node: OnnxNode, context: LintContext) => string | undefined,
): (context: LintContext) => Iterable<Hit> {
  const wanted = new Set(types.split(' '));
  return function* (context) {
    for (const node of context.view.nodes) {
      if (!wanted.has(node.op_type) || !isOfOnnxDomain(node)) continue;
      const message = problem(node, context);
      if (message !== undefined) yield [node, message];
    }
  };
}
