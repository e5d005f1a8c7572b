/** COCO figures of a model, fractions; `AP` among them. */
export type GateFigures = Readonly<Record<string, number>>;

/** One layer quantized alone. */
export interface LayerHarm {
  readonly name: string;
  /** Signal to quantization noise ratio of its own output, dB. */
  readonly sqnrDb: number;
  /** AP of the detector, fraction. */
  readonly ap: number;
}

export interface GateSteps {
  readonly layers: readonly string[];
  readonly float: GateFigures;
  /** Figures of the model with everything in integers except these layers. */
  evaluate(keptFloat: readonly string[]): Promise<GateFigures>;
  /** Called only when the model with everything in integers fails. */
  measureHarm(): Promise<readonly LayerHarm[]>;
}

export interface GateOutcome {
  readonly passed: boolean;
  /** Of the model that passed, or of the best one found. */
  readonly int8: GateFigures;
  /** How much lower its AP is than the float model's, points of 100. */
  readonly drop: number;
  /** Layers that stay float in that model. */
  readonly keptFloat: readonly string[];
  /** Empty when the first model passed. */
  readonly harm: readonly LayerHarm[];
  /** Models that were evaluated. */
  readonly tried: number;
}

/**
 * Finds the model with the fewest float layers whose AP is at most `maxDrop` points below the float model's. Layers are
 * kept float from the most harmful on: the one with the lowest AP alone, then the lowest SQNR; 1, 2, 4 ... of them until
 * the gate passes, then halving between the last that failed and the first that passed. AP is not strictly monotonic in
 * the number of layers, so that fewer may exist by chance; the model that is returned was itself evaluated.
 * Nothing passes when a single quantized layer is too much already.
 */
export async function searchGate(steps: GateSteps, maxDrop: number): Promise<GateOutcome> {
  const { layers, float } = steps;
  let tried = 0;
  let best: Omit<GateOutcome, 'harm' | 'tried'> | undefined;
  const attempt = async (keptFloat: readonly string[]): Promise<boolean> => {
    const int8 = await steps.evaluate(keptFloat);
    tried++;
    const drop = 100 * (float.AP! - int8.AP!);
    // A drop of exactly maxDrop passes in spite of the last bit.
    const passed = drop <= maxDrop + 1e-9;
    const isBetter = !best || (passed !== best.passed ? passed : passed || drop < best.drop);
    if (isBetter) best = { passed, int8, drop, keptFloat };
    return passed;
  };
  if (await attempt([])) return { ...best!, harm: [], tried };
  const harm = [...(await steps.measureHarm())].sort((a, b) => a.ap - b.ap || a.sqnrDb - b.sqnrDb);
  const order = harm.map(({ name }) => name);
  const most = layers.length - 1;
  let failed = 0;
  let passed: number | undefined;
  for (let count = Math.min(1, most); count > failed; count = Math.min(2 * count, most)) {
    if (await attempt(order.slice(0, count))) {
      passed = count;
      break;
    }
    failed = count;
  }
  while (passed !== undefined && passed - failed > 1) {
    const middle = Math.floor((passed + failed) / 2);
    if (await attempt(order.slice(0, middle))) passed = middle;
    else failed = middle;
  }
  return { ...best!, harm, tried };
}
