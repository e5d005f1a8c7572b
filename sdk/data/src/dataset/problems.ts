import type { PlumblineError } from '@plumbline/contract';

/** Receives what is wrong with one image or label line; throw to stop reading, return to leave that item out. */
export type ProblemSink = (problem: PlumblineError) => void;

/** The sink of training and evaluation: a figure over a partly read dataset would be wrong. */
export const failAtOnce: ProblemSink = (problem) => {
  throw problem;
};
