import { attributeRules } from './attribute-rules.js';
import type { Rule } from './finding.js';
import { operatorRules } from './operator-rules.js';
import { quantizationRules } from './quantization-rules.js';
import { shapeRules } from './shape-rules.js';
import { typeRules } from './type-rules.js';

/** Every rule, in the order in which findings of one severity are listed. */
export const rules: readonly Rule[] = [
  ...operatorRules,
  ...attributeRules,
  ...shapeRules,
  ...typeRules,
  ...quantizationRules,
];
