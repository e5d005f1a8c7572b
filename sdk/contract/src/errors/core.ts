import { entry } from './define.js';

export const coreErrors = {
  PLB_UNEXPECTED: entry(
    (p: { message: string }) => p.message,
    'This is not a foreseen failure. Run again with --verbose and report the output.',
  ),
  PLB_CORE_SHAPE_MISMATCH: entry(
    (p: { what: string; actual: string; expected: string }) => `${p.what} is ${p.actual}, expected ${p.expected}`,
    'Two arrays that belong together have different lengths; pass arrays of the stated shape.',
  ),
  PLB_CORE_SAFETENSORS_INVALID: entry(
    (p: { file: string; reason: string }) => `${p.file}: not a usable safetensors file: ${p.reason}`,
    'The file is damaged or of another kind. Copy it again or write it anew with `plumbline train`.',
    'input',
  ),
} as const;
