import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from './codec.js';
import { attributeType, dataType, describeValue, type OnnxModel, toNumber } from './model.js';

const model: OnnxModel = {
  ir_version: 8,
  opset_import: [{ domain: '', version: 17 }],
  graph: {
    name: 'g',
    node: [
      {
        name: 'n',
        op_type: 'Cast',
        input: ['x'],
        output: ['y'],
        attribute: [
          { name: 'zero', type: attributeType.int, i: 0 },
          { name: 'negative', type: attributeType.int, i: -2 },
          { name: 'scale', type: attributeType.float, f: 0 },
          { name: 'axes', type: attributeType.ints, ints: [0, -1] },
        ],
      },
    ],
    initializer: [{ name: 'w', dims: [0, 3], data_type: dataType.float, raw_data: new Uint8Array(0) }],
    input: [
      {
        name: 'x',
        type: {
          tensor_type: { elem_type: dataType.uint8, shape: { dim: [{ dim_value: 1 }, { dim_param: 'height' }] } },
        },
      },
    ],
    output: [],
  },
};

describe('the ONNX codec', () => {
  it('writes numbers that it reads back, zero and negative ones too', () => {
    const { graph, opset_import } = decodeModel(encodeModel(model), 'm.onnx');
    const attributes = new Map(graph.node[0]!.attribute.map((attribute) => [attribute.name, attribute]));
    expect(toNumber(opset_import[0]!.version)).toBe(17);
    expect(toNumber(attributes.get('zero')!.i!)).toBe(0);
    expect(toNumber(attributes.get('negative')!.i!)).toBe(-2);
    expect(attributes.get('scale')!.f).toBe(0);
    expect(attributes.get('axes')!.ints!.map(toNumber)).toEqual([0, -1]);
    expect(graph.initializer[0]!.dims.map(toNumber)).toEqual([0, 3]);
    expect(describeValue(graph.input[0]!)).toEqual({ name: 'x', type: 'uint8', shape: [1, 'height'] });
  });

  it('writes equal models as equal bytes', () => {
    expect(encodeModel(structuredClone(model))).toEqual(encodeModel(model));
  });

  it.each([
    ['text', Buffer.from('this is no model')],
    ['nothing', new Uint8Array(0)],
    ['a cut file', encodeModel(model).subarray(0, 20)],
  ])('refuses %s, naming the file', (_, bytes) => {
    expect(() => decodeModel(bytes, 'm.onnx')).toThrow(
      expect.objectContaining({ code: 'PLB_RUNTIME_MODEL_UNREADABLE' }),
    );
    expect(() => decodeModel(bytes, 'm.onnx')).toThrow(/^m\.onnx: /);
  });
});
