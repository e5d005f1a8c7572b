import type { EvaluationAnalysis } from './analyse-evaluation.js';
import type { EvaluationRecord } from './evaluation-record.js';
import { type Html, html } from './html.js';

/** An evaluation with its figures. Sections take one of them, or two to compare; both stand on the same ground truth. */
export interface AnalysedModel {
  /** `A` and `B` in a comparison, empty when there is one model only. */
  readonly key: string;
  readonly record: EvaluationRecord;
  readonly analysis: EvaluationAnalysis;
}

/** `A: ` before a figure in a sentence; nothing when there is one model. */
export const keyPrefix = ({ key }: AnalysedModel) => (key ? `${key}: ` : '');

/** Column head: what is listed, for which model. */
export const columnHead = (model: AnalysedModel, name: string) => (model.key ? `${name}, ${model.key}` : name);

/** Which line or bar is which model; nothing when there is one. */
export function modelKey(models: readonly AnalysedModel[], kind: 'line' | 'bar'): Html | null {
  if (models.length < 2) return null;
  return html`<ul class="key">${models.map(
    ({ key, record }, i) =>
      html`<li><svg width="34" height="12" aria-hidden="true">${
        kind === 'line'
          ? html`<path class="curve lead ${i === 1 && 'b'}" d="M0 6H34"/>`
          : html`<rect class="${i === 0 ? 'bar-a' : 'bar-b'}" width="34" height="12"/>`
      }</svg>${key}: ${record.modelId}</li>`,
  )}</ul>`;
}
