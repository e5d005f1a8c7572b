/** Whose names the keys of a file follow. */
export type WeightLayout = 'plumbline' | 'torchvision' | 'mmdetection';

/** Where one tensor of a file goes. */
export type KeyTarget =
  | {
      readonly name: string;
      /**
       * torchvision's classes begin with the background, ours end with it: `scores` moves the first row to the end,
       * `boxes` drops the first four, the background's box.
       */
      readonly rows?: 'scores' | 'boxes';
    }
  | { readonly ignored: string };

type Rule = readonly [pattern: RegExp, to: string | KeyTarget];

const counters: Rule = [/(^|\.)num_batches_tracked$/, { ignored: 'a counter of training' }];
const plainResNet: readonly Rule[] = [
  [/^(?:conv1|bn1|layer[1-4]\.\d+)\..+$/, 'backbone.$&'],
  [/^fc\.(?:weight|bias)$/, { ignored: 'the classifier of ImageNet' }],
];
const w = '\\.(weight|bias)$';

/**
 * torchvision's fasterrcnn_*_fpn and ResNets. The shorter forms (`inner_blocks.0.weight`, `rpn.head.conv.weight`) are
 * of releases before 0.13 and 0.14.
 */
const torchvision: readonly Rule[] = [
  counters,
  [/^backbone\.body\.(.+)$/, 'backbone.$1'],
  [new RegExp(`^backbone\\.fpn\\.inner_blocks\\.(\\d+)(?:\\.0)?${w}`), 'neck.lateral_convs.$1.$2'],
  [new RegExp(`^backbone\\.fpn\\.layer_blocks\\.(\\d+)(?:\\.0)?${w}`), 'neck.fpn_convs.$1.$2'],
  [new RegExp(`^rpn\\.head\\.conv(?:\\.0\\.0)?${w}`), 'rpn_head.rpn_conv.$1'],
  [new RegExp(`^rpn\\.head\\.cls_logits${w}`), 'rpn_head.rpn_cls.$1'],
  [new RegExp(`^rpn\\.head\\.bbox_pred${w}`), 'rpn_head.rpn_reg.$1'],
  [new RegExp(`^roi_heads\\.box_head\\.fc6${w}`), 'roi_head.stage1.shared_fcs.fc1.$1'],
  [new RegExp(`^roi_heads\\.box_head\\.fc7${w}`), 'roi_head.stage1.shared_fcs.fc2.$1'],
  [new RegExp(`^roi_heads\\.box_predictor\\.cls_score${w}`), { name: 'roi_head.stage1.fc_cls.$1', rows: 'scores' }],
  [new RegExp(`^roi_heads\\.box_predictor\\.bbox_pred${w}`), { name: 'roi_head.stage1.fc_reg.$1', rows: 'boxes' }],
  [/^roi_heads\.(?:mask|keypoint)_/, { ignored: 'a head for masks or keypoints' }],
  ...plainResNet,
];

/**
 * mmdetection 2: Faster and Cascade R-CNN, Double-Head, and the heads of the authors' release (`cls_fcs`, `reg_fcs`). The stages of
 * `bbox_head` are counted from 0; with one stage the number is absent. Background is last, as here.
 */
const mmdetection: readonly Rule[] = [
  counters,
  [/^(?:backbone|rpn_head)\..+$/, '$&'],
  [new RegExp(`^neck\\.(lateral_convs|fpn_convs)\\.(\\d+)(?:\\.conv)?${w}`), 'neck.$1.$2.$3'],
  [/^roi_head\.mask_head\./, { ignored: 'a head for masks' }],
  ...plainResNet,
];

/** Double-Head: `fc_branch` classifies, a residual block and `conv_branch` regress. */
const doubleHead: readonly (readonly [pattern: RegExp, to: string])[] = [
  [/^res_block\.(conv\w+)\.conv\./, 'reg_branch.res.$1.'],
  [/^res_block\.conv(\w+)\.bn\./, 'reg_branch.res.bn$1.'],
  [/^conv_branch\./, 'reg_branch.bottlenecks.'],
];
const mmdetectionHead = /^(?:(cls_fcs|fc_branch|reg_fcs|shared_fcs)\.([01])|(fc_cls|fc_reg))\.(weight|bias)$/;
/** Branches of fully connected layers that have another name here. */
const branchNames: Readonly<Record<string, string>> = { fc_branch: 'cls_fcs', reg_fcs: 'reg_branch' };

/** @returns undefined when mmdetection's heads have no such key */
function mmdetectionHeadName(key: string): string | undefined {
  const [, stage = '0', rest = ''] = /^roi_head\.bbox_head\.(?:(\d)\.)?(.+)$/.exec(key) ?? [];
  const [, branch = '', layer, output, kind] = mmdetectionHead.exec(rest) ?? [];
  const path = `roi_head.stage${Number(stage) + 1}`;
  if (kind) return `${path}.${output ?? `${branchNames[branch] ?? branch}.fc${Number(layer) + 1}`}.${kind}`;
  const [pattern, to] = doubleHead.find(([each]) => each.test(rest)) ?? [];
  return pattern && `${path}.${rest.replace(pattern, to!)}`;
}

/** @returns undefined when the layout has no such key */
export function targetOf(key: string, layout: WeightLayout): KeyTarget | undefined {
  if (layout === 'plumbline') return { name: key };
  const head = layout === 'mmdetection' ? mmdetectionHeadName(key) : undefined;
  const isCounter = counters[0].test(key);
  if (head && !isCounter) return { name: head };
  for (const [pattern, to] of layout === 'torchvision' ? torchvision : mmdetection) {
    if (!pattern.test(key)) continue;
    if (typeof to === 'string') return { name: key.replace(pattern, to) };
    return 'name' in to ? { ...to, name: key.replace(pattern, to.name) } : to;
  }
  return undefined;
}
