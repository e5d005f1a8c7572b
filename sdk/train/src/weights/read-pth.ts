import { PlumblineError } from '@plumbline/contract';
import type { NamedTensor } from '@plumbline/core/safetensors';
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { PickleGlobal, type PickleHost, type PickleValue, unpickle } from './pickle.js';
import { materialize, storageTypes, TorchStorage, TorchTensor } from './torch-tensor.js';

/** The state dictionary of a file of `torch.save`. */
export interface PthFile {
  /** In file order; names without the `module.` that parallel training puts before every one. */
  readonly tensors: Map<string, NamedTensor>;
  /** Entries of the state dictionary that are no tensors. */
  readonly others: readonly string[];
}

/**
 * Reads a PyTorch checkpoint without running anything of it: a zip file (PyTorch 1.6 and later) or the older form of
 * several pickles in a row. The state dictionary may lie under `state_dict` or `model`.
 * @param file names the source in errors
 * @throws {PlumblineError} PLB_TRAIN_PTH_REFUSED naming the code that the file asks for; PLB_TRAIN_PTH_INVALID
 * Source: torch/serialization.py, `_save` and `_legacy_save`.
 */
export async function readPth(bytes: Uint8Array, file: string): Promise<PthFile> {
  const invalid = (reason: string, cause?: unknown): never => {
    throw new PlumblineError('PLB_TRAIN_PTH_INVALID', { file, reason }, { cause });
  };
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b;
  if (!isZip && new TextDecoder('latin1').decode(bytes.subarray(257, 262)) === 'ustar') {
    throw new PlumblineError('PLB_TRAIN_PTH_REFUSED', { file, what: 'the tar form of PyTorch 0.1' });
  }
  const { root, storageBytes } = isZip ? await readZip(bytes, file, invalid) : readLegacy(bytes, file, invalid);
  const dictionary = findStateDictionary(root) ?? invalid('it holds no dictionary of tensors');
  const tensors = new Map<string, NamedTensor>();
  const others: string[] = [];
  for (const [key, value] of dictionary) {
    const name = String(key).replace(/^module\./, '');
    if (!(value instanceof TorchTensor)) others.push(name);
    else tensors.set(name, await copyOut(name, value, storageBytes, bytes.length, invalid));
  }
  return { tensors, others };
}

type Invalid = (reason: string, cause?: unknown) => never;
type StorageBytes = (storage: TorchStorage) => Promise<Uint8Array> | Uint8Array;

/** Follows `state_dict` and `model` down to a dictionary with a tensor in it. */
function findStateDictionary(root: PickleValue): Map<PickleValue, PickleValue> | undefined {
  let value: PickleValue | undefined = root;
  while (value instanceof Map) {
    if ([...value.values()].some((each) => each instanceof TorchTensor)) return value;
    value = value.get('state_dict') ?? value.get('model');
  }
  return undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

async function copyOut(name: string, tensor: TorchTensor, read: StorageBytes, fileBytes: number, invalid: Invalid) {
  const { storage, offset, shape, strides } = tensor;
  const { count, last } = tensor.extent();
  if (![offset, ...shape, ...strides].every(isCount) || shape.length !== strides.length)
    invalid(`tensor ${name} has an impossible shape`);
  // A stride of 0 may repeat values; without this limit a tiny file could ask for any amount of memory.
  if (count > fileBytes || (count > 0 && last >= storage.length))
    invalid(`tensor ${name} is larger than its storage of ${storage.length} values`);
  const bytes = await read(storage);
  if (bytes.length < storage.length * storage.type.bytes)
    invalid(`storage ${storage.key} has ${bytes.length} bytes, ${storage.length * storage.type.bytes} are expected`);
  return materialize(tensor, bytes);
}

/** The names that a state dictionary needs, with what they mean here. */
function createHost(file: string, invalid: Invalid): PickleHost {
  const ordered = (args: PickleValue[]): PickleValue => {
    const pairs = args[0];
    if (pairs === undefined) return new Map();
    if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
      invalid('an OrderedDict is made of something else than pairs');
    return new Map(pairs as [PickleValue, PickleValue][]);
  };
  const tensor = ([storage, offset, shape, strides]: PickleValue[]): PickleValue => {
    if (!(storage instanceof TorchStorage) || !Array.isArray(shape) || !Array.isArray(strides))
      invalid('a tensor is made of something else than a storage');
    return new TorchTensor(storage as TorchStorage, offset as number, shape as number[], strides as number[]);
  };
  const functions: Readonly<Record<string, (args: PickleValue[]) => PickleValue>> = {
    'collections.OrderedDict': ordered,
    'torch._utils._rebuild_tensor_v2': tensor,
    'torch._utils._rebuild_tensor': tensor,
    'torch._utils._rebuild_parameter': ([data]) => data ?? null,
    'torch.Size': ([sizes]) => sizes ?? [],
  };
  return {
    invalid,
    refuse: (what) => {
      throw new PlumblineError('PLB_TRAIN_PTH_REFUSED', { file, what });
    },
    resolve: (name) => {
      if (Object.hasOwn(functions, name)) return new PickleGlobal(name, functions[name]);
      return Object.hasOwn(storageTypes, name.replace(/^torch\./, '')) && name.startsWith('torch.')
        ? new PickleGlobal(name)
        : undefined;
    },
    persistentLoad: (id) => {
      const [what, type, key, , length, view] = Array.isArray(id) ? id : [];
      if (what !== 'storage' || !(type instanceof PickleGlobal) || type.call || !isCount(length))
        return invalid('a reference to a storage is damaged');
      if (view) return invalid('a storage is a view of another one');
      return new TorchStorage(String(key), storageTypes[type.name.replace(/^torch\./, '')]!, length);
    },
  };
}

async function readZip(bytes: Uint8Array, file: string, invalid: Invalid) {
  const zip = await fromBufferPromise(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)).catch((cause: Error) =>
    invalid(cause.message, cause),
  );
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName.replace(/^[^/]*\//, ''), entry);
  } catch (cause) {
    invalid((cause as Error).message, cause);
  }
  const read = (name: string) => readEntry(zip, entries.get(name) ?? invalid(`it has no ${name}`), invalid);
  if (entries.has('byteorder') && new TextDecoder().decode(await read('byteorder')).trim() !== 'little')
    invalid('its numbers are big endian');
  const root = unpickle(await read('data.pkl'), 0, createHost(file, invalid)).value;
  const loaded = new Map<string, Uint8Array>();
  const storageBytes = async ({ key }: TorchStorage) => {
    const known = loaded.get(key) ?? (await read(`data/${key}`));
    loaded.set(key, known);
    return known;
  };
  return { root, storageBytes };
}

async function readEntry(zip: ZipFile, entry: Entry, invalid: Invalid): Promise<Uint8Array> {
  if (entry.compressionMethod !== 0) invalid(`${entry.fileName} is compressed, which torch.save never does`);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (cause) {
    return invalid(`${entry.fileName}: ${(cause as Error).message}`, cause);
  }
}

const legacyMagic = 0x1950a86a20f9469cfc6cn;

/** Pickles of magic number, protocol, system, object and storage keys; then each storage as int64 length and values. */
function readLegacy(bytes: Uint8Array, file: string, invalid: Invalid) {
  let at = 0;
  const storages = new Map<string, TorchStorage>();
  const plain = createHost(file, invalid);
  const host: PickleHost = {
    ...plain,
    persistentLoad: (id) => {
      const storage = plain.persistentLoad(id) as TorchStorage;
      if (!storages.has(storage.key)) storages.set(storage.key, storage);
      return storages.get(storage.key)!;
    },
  };
  const next = () => {
    const { value, end } = unpickle(bytes, at, host);
    at = end;
    return value;
  };
  if (bytes[0] !== 0x80 || next() !== legacyMagic) invalid('it is no file of torch.save');
  if (next() !== 1001) invalid('its protocol is not 1001');
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false) invalid('its numbers are big endian');
  const root = next();
  const keys = next();
  const positions = new Map<string, Uint8Array>();
  for (const key of Array.isArray(keys) ? keys.map(String) : invalid('its list of storages is missing')) {
    const storage = storages.get(key) ?? invalid(`no tensor uses storage ${key}`);
    if (at + 8 > bytes.length) invalid(`it ends before storage ${key}`);
    at += 8 + storage.length * storage.type.bytes;
    positions.set(key, bytes.subarray(at - storage.length * storage.type.bytes, at));
  }
  return { root, storageBytes: ({ key }: TorchStorage) => positions.get(key) ?? invalid(`storage ${key} is missing`) };
}
