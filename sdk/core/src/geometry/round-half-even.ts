/** Nearest integer, halves to the even one: as Python and numpy round, and ONNX's QuantizeLinear. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
