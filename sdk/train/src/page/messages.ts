/**
 * What the training page's server sends to the browser, as server-sent events of one JSON document each.
 * Boxes are xyxy in px of the upright image file.
 */

/** What does not change while the run goes. */
export interface RunFacts {
  /** Folder of the run. */
  readonly out: string;
  readonly data: string;
  readonly validation: string | null;
  /** Name, version and device, for people. */
  readonly engine: string;
  /** The network in a few words. */
  readonly model: string;
  readonly classes: readonly string[];
  /** Images of one step. */
  readonly imagesPerStep: number;
  readonly totalSteps: number;
  /** Boxes that score lower are not shown at first. */
  readonly scoreThreshold: number;
}

/** A step of `metrics.jsonl`, or the mean of several that follow each other. */
export interface PageStep {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  readonly loss: Readonly<Record<string, number>>;
  readonly gradientNorm: number;
  /** null where a regressor had no rows. */
  readonly meanIou: readonly (number | null)[];
  readonly imagesPerSecond: number;
  readonly dataSeconds: number;
}

export interface PageValidation {
  readonly step: number;
  readonly epoch: number;
  /** 0..1 */
  readonly AP: number;
}

export interface PageBox {
  readonly classId: number;
  readonly boxXyxy: readonly [number, number, number, number];
}

export interface PagePicture {
  readonly name: string;
  /** Address of the picture, whatever its size. */
  readonly url: string;
  readonly width: number;
  readonly height: number;
  readonly truths: readonly PageBox[];
  readonly calls: readonly (PageBox & { readonly score: number })[];
}

export interface PagePredictions {
  readonly step: number;
  readonly pictures: readonly PagePicture[];
}

/** How a run ended. */
export interface PageEnd {
  readonly step: number;
  readonly why: string;
}

export type PageMessage =
  | {
      /** The first message of a connection: all that came before. */
      readonly kind: 'state';
      readonly facts: RunFacts;
      readonly steps: readonly PageStep[];
      readonly validations: readonly PageValidation[];
      readonly predictions: PagePredictions | null;
      readonly end: PageEnd | null;
    }
  | ({ readonly kind: 'step' } & PageStep)
  | ({ readonly kind: 'validation' } & PageValidation)
  | ({ readonly kind: 'predictions' } & PagePredictions)
  | ({ readonly kind: 'end' } & PageEnd);
