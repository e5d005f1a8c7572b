/** What a pickle may hold here. Tuples and lists are arrays, dictionaries of every kind are maps. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleObject;

/** A name that the pickle mentions and the host knows; `call` is our own code, never the file's. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly call?: (args: PickleValue[]) => PickleValue,
  ) {}
}

/** Base of what a host's functions make. */
export abstract class PickleObject {
  /** Marks the class; a pickle cannot make one by itself. */
  abstract readonly kind: string;
}

/** Decides what the few names mean that a pickle may mention. */
export interface PickleHost {
  /** @returns undefined for a name that is not on the list */
  resolve(name: string): PickleGlobal | undefined;
  persistentLoad(id: PickleValue): PickleValue;
  /** Reports something that this reader does not do. */
  refuse(what: string): never;
  /** Reports a damaged pickle. */
  invalid(reason: string): never;
}

const mark = Symbol('mark');
type Slot = PickleValue | typeof mark;

/**
 * Interprets one pickle of protocol 2 to 4 without running anything of it: of the instructions that name code, only
 * names that the host resolves pass, and only the host's own functions are called.
 * @returns the value and the position after the pickle
 * Source: opcode descriptions of CPython's Lib/pickletools.py.
 */
export function unpickle(bytes: Uint8Array, start: number, host: PickleHost): { value: PickleValue; end: number } {
  return new Machine(bytes, start, host).run();
}

class Machine {
  private readonly view: DataView;
  private readonly stack: Slot[] = [];
  private readonly memo = new Map<number, PickleValue>();

  constructor(
    private readonly bytes: Uint8Array,
    private at: number,
    private readonly host: PickleHost,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): { value: PickleValue; end: number } {
    if (this.bytes[this.at] !== 0x80) this.host.invalid('it does not begin with a protocol number');
    for (;;) {
      const code = this.u8();
      if (code === 0x2e) return { value: this.pop(), end: this.at }; // STOP
      const instruction = instructions[code];
      if (!instruction) {
        const name = code > 0x20 && code < 0x7f ? `${String.fromCharCode(code)} (${code})` : String(code);
        this.host.refuse(`the pickle instruction ${name}`);
      }
      instruction(this);
    }
  }

  push(value: Slot): void {
    this.stack.push(value);
  }

  pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value === mark) this.host.invalid('its stack is empty');
    return value as PickleValue;
  }

  top(): PickleValue {
    const value = this.stack.at(-1);
    if (value === undefined || value === mark) this.host.invalid('its stack is empty');
    return value as PickleValue;
  }

  /** Takes everything above the last mark, and the mark. */
  popMarked(): PickleValue[] {
    const from = this.stack.lastIndexOf(mark);
    if (from < 0) this.host.invalid('a mark is missing');
    const values = this.stack.splice(from).slice(1);
    return values as PickleValue[];
  }

  popMany(count: number): PickleValue[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  take(count: number): Uint8Array {
    if (count > this.bytes.length - this.at) this.host.invalid('it ends within a value');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  private need(count: number): number {
    this.take(count);
    return this.at - count;
  }

  u8 = () => this.view.getUint8(this.need(1));
  u16 = () => this.view.getUint16(this.need(2), true);
  u32 = () => this.view.getUint32(this.need(4), true);
  i32 = () => this.view.getInt32(this.need(4), true);
  u64 = () => Number(this.view.getBigUint64(this.need(8), true));
  f64 = () => this.view.getFloat64(this.need(8), false);

  text(length: number): string {
    return new TextDecoder().decode(this.take(length));
  }

  /** Text up to the next line end. */
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) this.host.invalid('a name has no end');
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  /** Little-endian two's complement of any length. */
  long(length: number): number | bigint {
    const digits = this.take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(digits[i]!);
    if (length > 0 && digits[length - 1]! >= 0x80) value -= 1n << BigInt(8 * length);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  remember(key: number): void {
    this.memo.set(key, this.top());
  }

  rememberNext(): void {
    this.remember(this.memo.size);
  }

  recall(key: number): void {
    if (!this.memo.has(key)) this.host.invalid(`it recalls value ${key}, which it has not stored`);
    this.push(this.memo.get(key)!);
  }

  global(module: string, name: string): void {
    const full = `${module}.${name}`;
    this.push(this.host.resolve(full) ?? this.host.refuse(full));
  }

  call(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PickleGlobal) || !callee.call) {
      this.host.refuse(`a call of ${callee instanceof PickleGlobal ? callee.name : 'a value'}`);
    }
    if (!Array.isArray(args)) this.host.invalid(`the arguments of ${callee.name} are no tuple`);
    this.push(callee.call!(args));
  }

  /** State of an OrderedDict is only its attributes (`_metadata` of a state_dict), which nothing here reads. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof Map)) this.host.refuse('setting the state of an object');
  }

  append(values: PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) this.host.invalid('it appends to something that is no list');
    (list as PickleValue[]).push(...values);
  }

  setItems(values: PickleValue[]): void {
    const map = this.top();
    if (!(map instanceof Map) || values.length % 2 !== 0) this.host.invalid('it sets items of something else');
    for (let i = 0; i < values.length; i += 2) (map as Map<PickleValue, PickleValue>).set(values[i]!, values[i + 1]!);
  }

  globalFromStack(): void {
    const [module, name] = this.popMany(2);
    if (typeof module !== 'string' || typeof name !== 'string') this.host.invalid('a name is no text');
    this.global(module as string, name as string);
  }

  persistentLoad(): void {
    this.push(this.host.persistentLoad(this.pop()));
  }
}

/** By opcode. What is absent is refused: among others INST, OBJ, EXT1..4 and the text forms of protocol 0. */
const instructions: Readonly<Record<number, (m: Machine) => void>> = {
  128: (m) => void m.u8(), // PROTO
  149: (m) => void m.u64(), // FRAME
  40: (m) => m.push(mark), // MARK
  48: (m) => void m.pop(), // POP
  49: (m) => void m.popMarked(), // POP_MARK
  50: (m) => m.push(m.top()), // DUP
  78: (m) => m.push(null), // NONE
  136: (m) => m.push(true), // NEWTRUE
  137: (m) => m.push(false), // NEWFALSE
  74: (m) => m.push(m.i32()), // BININT
  75: (m) => m.push(m.u8()), // BININT1
  77: (m) => m.push(m.u16()), // BININT2
  138: (m) => m.push(m.long(m.u8())), // LONG1
  139: (m) => m.push(m.long(m.u32())), // LONG4
  71: (m) => m.push(m.f64()), // BINFLOAT
  88: (m) => m.push(m.text(m.u32())), // BINUNICODE
  140: (m) => m.push(m.text(m.u8())), // SHORT_BINUNICODE
  141: (m) => m.push(m.text(m.u64())), // BINUNICODE8
  84: (m) => m.push(m.text(m.u32())), // BINSTRING
  85: (m) => m.push(m.text(m.u8())), // SHORT_BINSTRING
  66: (m) => m.push(m.take(m.u32())), // BINBYTES
  67: (m) => m.push(m.take(m.u8())), // SHORT_BINBYTES
  93: (m) => m.push([]), // EMPTY_LIST
  125: (m) => m.push(new Map()), // EMPTY_DICT
  41: (m) => m.push([]), // EMPTY_TUPLE
  108: (m) => m.push(m.popMarked()), // LIST
  116: (m) => m.push(m.popMarked()), // TUPLE
  133: (m) => m.push(m.popMany(1)), // TUPLE1
  134: (m) => m.push(m.popMany(2)), // TUPLE2
  135: (m) => m.push(m.popMany(3)), // TUPLE3
  97: (m) => m.append([m.pop()]), // APPEND
  101: (m) => m.append(m.popMarked()), // APPENDS
  115: (m) => m.setItems(m.popMany(2)), // SETITEM
  117: (m) => m.setItems(m.popMarked()), // SETITEMS
  113: (m) => m.remember(m.u8()), // BINPUT
  114: (m) => m.remember(m.u32()), // LONG_BINPUT
  148: (m) => m.rememberNext(), // MEMOIZE
  104: (m) => m.recall(m.u8()), // BINGET
  106: (m) => m.recall(m.u32()), // LONG_BINGET
  99: (m) => m.global(m.line(), m.line()), // GLOBAL
  147: (m) => m.globalFromStack(), // STACK_GLOBAL
  81: (m) => m.persistentLoad(), // BINPERSID
  82: (m) => m.call(), // REDUCE
  129: (m) => m.call(), // NEWOBJ
  98: (m) => m.build(), // BUILD
};
