export { type Finding, type LintRoute, lintRoutes, type Severity, severities } from './finding.js';
export { type LintOptions, lintForTensorrt } from './lint.js';
export { rules as lintRules } from './rules.js';
export { type TensorrtVersion, tensorrtVersions } from './versions.js';
