import { describe, expect, it } from 'vitest';
import { GraphBuilder } from './graph-builder.js';

describe('GraphBuilder', () => {
  const build = () => {
    const b = new GraphBuilder('part', 17);
    return { b, x: b.input('x', 'float', ['batch', 3, 8, 10]) };
  };

  it('knows type and shape of every value as it is made, also of those that hold shapes', () => {
    const { b, x } = build();
    const weight = b.constant('w', 'float', [5, 3, 3, 3], new Float32Array(135));
    const map = b.op('conv', 'Conv', [x, weight], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
    expect(b.typeOf(map)).toEqual({ type: 'float', dims: ['batch', 5, 4, 5] });
    expect(b.typeOf(b.reshape('rows', map, [0, -1])).dims).toEqual(['batch', undefined]);
    const shape = b.op('shape', 'Shape', [map]);
    const sides = b.op('sides', 'Gather', [shape, b.ints([3, 1])], { axis: 0 });
    const target = b.op('target', 'Concat', [b.ints([7]), sides], { axis: 0 });
    expect(b.typeOf(b.op('grown', 'Expand', [b.floats([1]), target])).dims).toEqual([7, 5, 5]);
    const [values, index] = b.multi('top', 'TopK', [map, b.ints([2])], 2, { axis: 1 });
    expect([b.typeOf(values!), b.typeOf(index!)]).toEqual([
      { type: 'float', dims: ['batch', 2, 4, 5] },
      { type: 'int64', dims: ['batch', 2, 4, 5] },
    ]);
  });

  it.each<[string, (parts: ReturnType<typeof build>) => unknown, RegExp]>([
    ['a sum of different types', ({ b, x }) => b.op('sum', 'Add', [x, b.ints([1])]), /Add sum: types differ/],
    [
      'a sum of sides that do not fit',
      ({ b, x }) => b.op('sum', 'Add', [x, b.floats([1, 2])]),
      /Add sum: sides do not fit/,
    ],
    [
      'a convolution of other channels',
      ({ b, x }) => b.op('conv', 'Conv', [x, b.constant('w', 'float', [1, 4, 1, 1], [1, 1, 1, 1])]),
      /Conv conv: channels do not fit/,
    ],
    [
      'a reshape of another size',
      ({ b }) => b.reshape('r', b.floats([1, 2, 3]), [2, 2]),
      /Reshape r: does not fill \[2,2\]/,
    ],
    ['parts that do not fill an axis', ({ b, x }) => b.split('s', x, [1, 1], 1), /Split s: parts \[1,1\]/],
    ['an operator without a rule', ({ b, x }) => b.op('gelu', 'Gelu', [x]), /Gelu gelu: no rule/],
    ['an output of another shape', ({ b, x }) => b.output('y', x, 'float', ['batch', 4]), /output y is float/],
    ['an output of another type', ({ b, x }) => b.output('y', x, 'int64', ['batch', 3, 8, 10]), /output y is float/],
  ])('refuses %s where it is written', (_, write, message) => {
    expect(() => write(build())).toThrow(message);
  });
});
