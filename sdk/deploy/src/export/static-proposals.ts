/** Shapes in this module: k candidates of one level, K of all levels, R proposals. */
import type { Weights } from './checkpoint.js';
import type { GraphBuilder, Value } from './graph-builder.js';
import { buildMatrixNms } from './matrix-nms.js';
import { buildCandidates, type ProposalConfig, type Proposals } from './proposals.js';

/** Logit of what is suppressed: below any other, and a number in float16 too. */
const suppressed = -65504;

/**
 * The proposals of one image as a table of fixed size, out of operators whose shapes do not depend on the numbers: the
 * same boxes in the same order as {@link buildProposals}, filled up with suppressed ones where there are fewer.
 * @param rounds of the matrix NMS
 */
export function buildStaticProposals(
  b: GraphBuilder,
  weights: Weights,
  config: ProposalConfig,
  pyramid: readonly Value[],
  limits: Value,
  rounds: number,
): Required<Proposals> & { readonly count: number } {
  const { nmsClassification, testPostNms } = config.proposals;
  const candidates = buildCandidates(b, weights, config, pyramid, limits);
  const { counts } = candidates;
  const total = counts.reduce((sum, size) => sum + size, 0);
  const count = Math.min(testPostNms, total);
  const boxes = b.reshape('rpn_head.boxes', candidates.boxes, [total, 4]);
  const logits = b.reshape('rpn_head.logitsRow', candidates.logits, [total]);
  const boxesOf = b.split('rpn_head.levelBoxes', boxes, counts, 0);
  const logitsOf = b.split('rpn_head.levelLogits', logits, counts, 0);
  const masked = counts.map((size, level) => {
    const path = `rpn_head.p${level + 2}`;
    const isKept = buildMatrixNms(b, `${path}.nms`, boxesOf[level]!, size, nmsClassification, rounds);
    return b.op(`${path}.keptLogits`, 'Where', [isKept, logitsOf[level]!, b.floats([suppressed])]);
  });
  const all = b.op('rpn_head.keptLogits', 'Concat', masked, { axis: 0 });
  const [top, index] = b.multi('rpn_head.merge', 'TopK', [all, b.ints([count])], 2, { axis: 0 });
  const isProposal = b.cast(
    'rpn_head.isProposal',
    b.op('rpn_head.isAbove', 'Greater', [
      b.reshape('rpn_head.topLogits', top!, [count, 1]),
      b.floats([suppressed / 2]),
    ]),
    'float',
  );
  const image = b.constant('rpn_head.image', 'int64', [count], new Array<number>(count).fill(0));
  return { boxes: b.op('rpn_head.proposals', 'Gather', [boxes, index!]), image, isProposal, count };
}
