import type { RuleConfig } from '@plumbline/contract';
import type { Detection } from '@plumbline/core/geometry';

/** Shapes in this module: C classes of the model, D detections of one frame. */

/** A rule class that the model does not know. `path` leads to it inside line.yaml. */
export interface UnknownClass {
  readonly rule: string;
  readonly className: string;
  readonly path: readonly (string | number)[];
}

/** Every class name in the rules that is neither '*' nor one of the model's. */
export function findUnknownClasses(rules: readonly RuleConfig[], classes: readonly string[]): UnknownClass[] {
  return rules.flatMap((rule, ruleIndex) =>
    rule.when.anyOf.flatMap((className, nameIndex) =>
      className === '*' || classes.includes(className)
        ? []
        : [{ rule: rule.name, className, path: ['rules', ruleIndex, 'when', 'anyOf', nameIndex] }],
    ),
  );
}

export interface Verdict {
  readonly evaluation: 'OK' | 'NotOK';
  /** Names of the rules that made it NotOK, in the order of line.yaml. */
  readonly triggeredRules: readonly string[];
  /** Detections that at least one rule counted, in the order given. */
  readonly counted: readonly Detection[];
}

/**
 * Judges one frame: NotOK when any rule finds a detection of its classes at or above its score.
 * @param detections [D], scores 0..1
 */
export function evaluateRules(rules: readonly RuleConfig[], detections: readonly Detection[]): Verdict {
  const matches = (rule: RuleConfig, detection: Detection) =>
    detection.score >= rule.when.minScore &&
    (rule.when.anyOf.includes('*') || rule.when.anyOf.includes(detection.className));
  const triggeredRules = rules.filter((rule) => detections.some((d) => matches(rule, d))).map((rule) => rule.name);
  return {
    evaluation: triggeredRules.length > 0 ? 'NotOK' : 'OK',
    triggeredRules,
    counted: detections.filter((d) => rules.some((rule) => matches(rule, d))),
  };
}
