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
  const total = counts.reduce((sum, n) => sum + n, 0);
  const count = Math.min(testPostNms, total);
  const boxes = b.reshape('rpn_head.boxes', candidates.boxes, [total, 4]);
  const logits = b.reshape('rpn_head.logitsRow', candidates.logits, [total]);
  // Every level as a set of the same size, so that one product a round serves all.
  const size = Math.max(...counts);
  const padded = b
    .split('rpn_head.levelBoxes', boxes, counts, 0)
    .map((level, i) => padRows(b, `rpn_head.p${i + 2}.padded`, level, size - counts[i]!));
  const sets = b.op('rpn_head.sets', 'Concat', padded, { axis: 0 });
  const shape = [counts.length, size] as const;
  const stacked = b.reshape('rpn_head.stacked', sets, [...shape, 4]);
  const isKept = buildMatrixNms(b, 'rpn_head.nms', stacked, shape, nmsClassification, rounds).at(-1)!;
  const kept = b.reshape('rpn_head.isKept', isKept, [counts.length * size]);
  const places = counts.flatMap((n, level) => Array.from({ length: n }, (_, i) => level * size + i));
  const isCandidateKept =
    places.length === counts.length * size ? kept : b.op('rpn_head.unpadded', 'Gather', [kept, b.ints(places)]);
  const all = b.op('rpn_head.keptLogits', 'Where', [isCandidateKept, logits, b.floats([suppressed])]);
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

/** Rows of zeros below a table. */
function padRows(b: GraphBuilder, name: string, table: Value, rows: number): Value {
  return rows === 0 ? table : b.op(name, 'Pad', [table, b.ints([0, 0, rows, 0])], { mode: 'constant' });
}
