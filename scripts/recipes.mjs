// Training configurations of the paper's experiments, one file each, from one table: models/recipes/<name>.yaml.
// Source of the settings: Wang et al., IEEE TCSVT 2022, section IV, and where it is silent the authors' released code
// (a fork of mmdetection 2.4). Settings that a file leaves out have the defaults of docs/reference/config.md.

const backbones = {
  r50: 'resnet50',
  r101: 'resnet101',
  'x101-32x4d': 'resnext101-32x4d',
  'x101-64x4d': 'resnext101-64x4d',
};

const data = {
  voc: {
    title: 'VOC 07+12 trainval, tested on VOC 07',
    // The paper says 800 px; every file of the authors that was found has 1000 x 600.
    imageSizeHw: [608, 1024],
    shortSides: [600],
    longSide: 1000,
    schedule: { epochs: 12, decayEpochs: [9], learningRate: 0.005, warmupSteps: 0 },
  },
  'coco-1x': {
    title: 'COCO train2017, 1x schedule',
    imageSizeHw: [800, 1344],
    shortSides: [800],
    longSide: 1333,
    schedule: { epochs: 12, decayEpochs: [8, 11], learningRate: 0.01, warmupSteps: 500 },
  },
  'coco-2x': {
    title: 'COCO train2017, 2x schedule',
    imageSizeHw: [800, 1344],
    shortSides: [800],
    longSide: 1333,
    schedule: { epochs: 24, decayEpochs: [16, 22], learningRate: 0.01, warmupSteps: 500 },
    test: { scoreThreshold: 0.001 }, // as released and in Table IX
  },
  'coco-2x-ms': {
    title: 'COCO train2017, 2x schedule, multi-scale training and soft-NMS',
    imageSizeHw: [800, 1344],
    shortSides: [640, 672, 704, 736, 768, 800],
    longSide: 1333,
    schedule: { epochs: 24, decayEpochs: [16, 22], learningRate: 0.01, warmupSteps: 500 },
    test: { scoreThreshold: 0.001, softNms: { minScore: 0.001 } },
  },
};

const faster = { model: { kind: 'faster', regressors: 1, head: { shared: true } } };
const decoupled = (regressors, rest = {}) => ({ ...rest, model: { kind: 'decoupled', regressors, ...rest.model } });
const released = (regressors) => decoupled(regressors, { loss: { profile: 'released' } });
/** Equal L1 losses, anchors and proposal counts, so that only the cascade differs. */
const cascade = { model: { kind: 'cascade', regressors: 3, head: { shared: true } } };
/** As mmdetection 2.4 has it. */
const stockCascade = {
  ...cascade,
  proposals: { trainPostNms: 2000 },
  sampling: { rpnAllowedBorder: 0 },
  loss: { regression: 'smoothL1', rpnRegression: 'smoothL1' },
};
const tReg = (nmsRegression) => ({ proposals: { nmsRegression } });
const conv = { head: { branch: 'conv' } };

/** [table of the paper, name, dataset, backbones, settings] */
const experiments = [
  ...[70, 80, 90].map((percent) => [
    'Table I: both sets sampled alike',
    `twice-sampled-treg${percent}`,
    'voc',
    ['r50'],
    decoupled(1, { ...tReg(percent / 100), sampling: { regression: 'random' } }),
  ]),
  ['Tables I, II, VII', 'faster', 'voc', ['r50', 'r101'], faster],
  ['Table II', 'faster-unshared', 'voc', ['r101'], { model: { ...faster.model, head: { shared: false } } }],
  [
    'Table II',
    'decoupled-n1-shared',
    'voc',
    ['r101'],
    decoupled(1, { ...tReg(0.7), model: { head: { shared: true } } }),
  ],
  ...[70, 75, 80, 85, 90, 95].map((percent) => [
    'Table III',
    `decoupled-n1-treg${percent}`,
    'voc',
    percent === 85 ? ['r50', 'r101'] : ['r101'],
    decoupled(1, tReg(percent / 100)),
  ]),
  ...[2, 3, 4].map((n) => [
    'Tables IV, VII',
    `decoupled-n${n}`,
    'voc',
    n === 3 ? ['r50', 'r101'] : ['r101'],
    decoupled(n),
  ]),
  ['Table V', 'decoupled-n3-treg70', 'voc', ['r101'], decoupled(3, tReg(0.7))],
  ...[100, 75, 50, 25].map((percent) => [
    'Table VI',
    `decoupled-n3-lambda${percent}`,
    'voc',
    ['r101'],
    decoupled(3, { loss: { lambda: percent / 100 } }),
  ]),
  ['released code', 'decoupled-n1-released', 'voc', ['r101'], decoupled(1, { loss: { profile: 'released-voc-n1' } })],
  ['Table VIII', 'faster', 'coco-1x', ['r50', 'r101', 'x101-32x4d'], faster],
  ['Table VIII', 'decoupled-n1', 'coco-1x', ['r50', 'r101', 'x101-32x4d'], decoupled(1)],
  ['Table VIII', 'decoupled-n3', 'coco-1x', ['r50', 'r101', 'x101-32x4d'], decoupled(3)],
  ['released code', 'decoupled-n1-released', 'coco-1x', ['r50', 'r101'], released(1)],
  ['Table X', 'cascade-equalised', 'coco-1x', ['r50', 'r101'], cascade],
  ['Table X', 'cascade-smooth-l1', 'coco-1x', ['r50', 'r101'], stockCascade],
  ['Table X', 'decoupled-n3-cls3', 'coco-1x', ['r101'], decoupled(3, { model: { classifiers: 'perStage' } })],
  ['Table XI', 'double-head-n1', 'coco-1x', ['r50', 'r101'], decoupled(1, { model: conv })],
  ['Table XI', 'double-head-n3', 'coco-1x', ['r50', 'r101'], decoupled(3, { model: conv })],
  [
    'Table XI, regions enlarged as in Double-Head',
    'double-head-n3-scale130',
    'coco-1x',
    ['r50'],
    decoupled(3, { model: { head: { branch: 'conv', regressionRoiScale: 1.3 } } }),
  ],
  [
    'Double-Head without decoupling',
    'double-head-peer',
    'coco-1x',
    ['r50'],
    // As mmdetection 2.4 has it.
    {
      model: { ...faster.model, head: { branch: 'conv', regressionRoiScale: 1.3 } },
      loss: { regression: 'smoothL1', heads: 2 },
    },
  ],
  ['Table IX and released code', 'decoupled-n3', 'coco-2x', ['r50', 'r101', 'x101-32x4d'], decoupled(3)],
  ['released code', 'decoupled-n3-released', 'coco-2x', ['r50', 'r101', 'x101-32x4d'], released(3)],
  ['Table IX', 'decoupled-n3', 'coco-2x-ms', ['r101', 'x101-32x4d', 'x101-64x4d'], decoupled(3)],
  ['released code', 'decoupled-n3-released', 'coco-2x-ms', ['x101-32x4d', 'x101-64x4d'], released(3)],
];

/** Settings that all experiments share. */
function recipe(set, preset, settings) {
  const { imageSizeHw, shortSides, longSide, schedule, test = {} } = data[set];
  const { model, proposals, sampling, loss } = settings;
  const head = { samplingRatio: 0, ...model.head };
  return {
    imageSizeHw,
    normalization: { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] },
    model: { ...model, backbone: { preset, norm: 'frozenBatch', frozenStages: 1 }, head },
    ...(proposals ? { proposals } : {}),
    ...(sampling ? { sampling } : {}),
    ...(loss ? { loss } : {}),
    test: { ...test, resize: { shortSide: shortSides.at(-1), longSide } },
    schedule: { batchSize: 8, decay: 'step', clipGradientNorm: null, ...schedule },
    augment: { resize: { shortSides, longSide } },
  };
}

/** Keys at the top, each with a flow value: the part of YAML that JSON is. */
function toYaml(value) {
  const flow = (v) => {
    if (Array.isArray(v)) return `[${v.map(flow).join(', ')}]`;
    if (v === null || typeof v !== 'object') return String(v);
    return `{ ${Object.entries(v)
      .map(([key, each]) => `${key}: ${flow(each)}`)
      .join(', ')} }`;
  };
  const lines = Object.entries(value).flatMap(([key, each]) =>
    Array.isArray(each)
      ? [`${key}: ${flow(each)}`]
      : [`${key}:`, ...Object.entries(each).map(([k, v]) => `  ${k}: ${flow(v)}`)],
  );
  return `${lines.join('\n')}\n`;
}

/** Path (from the root of the repository) -> content. */
export function recipeFiles() {
  return Object.fromEntries(
    experiments.flatMap(([table, name, set, suffixes, settings]) =>
      suffixes.map((suffix) => [
        `models/recipes/${set}-${name}-${suffix}.yaml`,
        `# ${table}: ${data[set].title}. Generated by \`npm run generate\` from scripts/recipes.mjs.\n${toYaml(recipe(set, backbones[suffix], settings))}`,
      ]),
    ),
  );
}
