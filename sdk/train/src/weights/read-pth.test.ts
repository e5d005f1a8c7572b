import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readPth } from './read-pth.js';
import { readWeights } from './read-weights.js';

const text = (value: string) => [...Buffer.from(value, 'latin1')];
const short = (value: string) => [0x8c, value.length, ...text(value)];
const global = (module: string, name: string) => text(`c${module}\n${name}\n`);
const long = (value: bigint, bytes: number) => [
  0x8a,
  bytes,
  ...Array.from({ length: bytes }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn)),
];
const start = [0x80, 2];
const stop = 0x2e;
const preamble = [
  ...[...start, ...long(0x1950a86a20f9469cfc6cn, 10), stop],
  ...[...start, 0x4d, 0xe9, 0x03, stop],
  ...[...start, 0x7d, stop],
];
const int64 = (value: number) => [...new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)];

/** A reference to a storage whose length is what the given instruction pushes. */
const storageOf = (...length: number[]) => [
  ...[0x28, ...short('storage'), ...global('torch', 'FloatStorage'), ...short('k'), ...short('cpu')],
  ...[...length, 0x4e, 0x74, 0x51],
];

/** {'w': a tensor} in the older form; sizes, strides and offset are one-byte numbers. */
function tensorFile({ offset = 0, size = 2, stride = 1, stored = 2, keys = ['k'] } = {}): Uint8Array {
  const storage = storageOf(0x4b, stored);
  const one = (value: number) => [0x4b, value, 0x85];
  const tensor = [
    ...[...global('torch._utils', '_rebuild_tensor_v2'), 0x28, ...storage],
    ...[0x4b, offset, ...one(size), ...one(stride), 0x89, 0x7d, 0x74, 0x52],
  ];
  const object = [...start, 0x7d, ...short('w'), ...tensor, 0x73, stop];
  const list = [...start, 0x5d, ...keys.flatMap((key) => [...short(key), 0x61]), stop];
  const values = [...new Uint8Array(Float32Array.of(1, 2).buffer)];
  return Uint8Array.from([...preamble, ...object, ...list, ...int64(2), ...values]);
}

const object = (...body: number[]) => Uint8Array.from([...preamble, ...start, ...body, stop]);
const error = (code: string, part: string) => expect.objectContaining({ code, message: expect.stringContaining(part) });

describe('readPth', () => {
  it('reads a tensor whose storage is in the file', async () => {
    const { tensors } = await readPth(tensorFile(), 'a.pth');
    expect(tensors.get('w')).toEqual({ dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) });
  });

  it('repeats a value along a stride of 0', async () => {
    const { tensors } = await readPth(tensorFile({ size: 5, stride: 0, offset: 1 }), 'a.pth');
    expect([...tensors.get('w')!.data]).toEqual([2, 2, 2, 2, 2]);
  });

  it.each([
    ['os.system by its other name', [...global('nt', 'system')], 'nt.system'],
    ['builtins.eval', [...short('builtins'), ...short('eval'), 0x93], 'builtins.eval'],
    ['an attribute of an allowed module', [...global('torch', 'load')], 'torch.load'],
    ['a name of JavaScript', [...global('torch', 'constructor')], 'torch.constructor'],
    ['a call of a storage type', [...global('torch', 'FloatStorage'), 0x29, 0x52], 'a call of torch.FloatStorage'],
    ['a call of a text', [...short('x'), 0x29, 0x52], 'a call of a value'],
    ['an instruction that makes an object', [0x28, 0x69], 'the pickle instruction i'],
    ['a registered extension', [0x82, 1], 'the pickle instruction 130'],
    ['setting a state', [0x5d, 0x7d, 0x62], 'setting the state of an object'],
  ])('refuses %s', async (_, body, name) => {
    await expect(readPth(object(...body), 'a.pth')).rejects.toEqual(error('PLB_TRAIN_PTH_REFUSED', name));
  });

  it('refuses the tar form of PyTorch 0.1 by name', async () => {
    const tar = new Uint8Array(512);
    tar.set(text('ustar'), 257);
    await expect(readPth(tar, 'a.pth')).rejects.toEqual(error('PLB_TRAIN_PTH_REFUSED', 'tar form'));
  });

  it.each([
    ['a tensor beyond its storage', tensorFile({ offset: 1 }), 'larger than its storage'],
    [
      'a tensor of more values than the file has bytes',
      tensorFile({ size: 255, stride: 0 }),
      'larger than its storage',
    ],
    ['a storage that ends early', tensorFile({ stored: 3, size: 3 }), '12 are expected'],
    ['a storage that is absent', tensorFile({ keys: [] }), 'storage k is missing'],
    ['a storage that nothing uses', tensorFile({ keys: ['z'] }), 'no tensor uses storage z'],
    ['a file that ends within a value', object(0x58, 255, 0, 0, 0), 'ends within a value'],
    ['a storage of -1 values', object(...storageOf(0x4a, 255, 255, 255, 255)), 'damaged'],
    ['a value that was not stored', object(0x68, 9), 'recalls value 9'],
    ['an empty stack', object(0x30), 'stack is empty'],
    [
      'a dictionary without a tensor',
      Uint8Array.from([...object(0x7d), ...start, 0x5d, stop]),
      'no dictionary of tensors',
    ],
    ['something else', Uint8Array.from(text('hello, world')), 'no file of torch.save'],
    ['a damaged zip file', Uint8Array.from(text('PK\u0003\u0004 and then nothing')), 'usable'],
  ])('reports %s', async (_, bytes, reason) => {
    await expect(readPth(bytes, 'a.pth')).rejects.toEqual(error('PLB_TRAIN_PTH_INVALID', reason));
  });
});

describe('readWeights', () => {
  const dir = mkdtempSync(join(tmpdir(), 'plumbline-weights-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('names a file that is not there', async () => {
    const file = join(dir, 'absent.pth');
    await expect(readWeights(file)).rejects.toEqual(error('PLB_TRAIN_WEIGHTS_UNREADABLE', 'ENOENT'));
  });

  it('goes by the content, not by the name', async () => {
    const file = join(dir, 'weights.safetensors');
    writeFileSync(file, tensorFile());
    expect([...(await readWeights(file)).tensors.keys()]).toEqual(['w']);
  });
});
