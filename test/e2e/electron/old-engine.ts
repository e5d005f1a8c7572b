/**
 * Runs before the page in the specs that use Chromium 83: the few functions of the language that came later. The build
 * for that engine lowers the syntax; the product's own build carries none of this.
 */
type Loose = Record<string, unknown>;

function define(target: object, name: string, value: unknown): void {
  if (!(name in target)) Object.defineProperty(target, name, { value, configurable: true, writable: true });
}
function at(this: ArrayLike<unknown>, index: number): unknown {
  return this[index < 0 ? this.length + index : index];
}
define(Array.prototype, 'at', at);
define(String.prototype, 'at', at);
define(String.prototype, 'replaceAll', function (this: string, from: string | RegExp, to: string) {
  return typeof from === 'string' ? this.split(from).join(to) : this.replace(from, to);
});
define(Object, 'hasOwn', (target: object, key: PropertyKey) => Object.hasOwn(target, key));
define(Array.prototype, 'findLast', function (this: unknown[], test: (value: unknown) => boolean) {
  return [...this].reverse().find(test);
});
define(globalThis, 'structuredClone', (value: unknown) => JSON.parse(JSON.stringify(value)));
define(
  globalThis,
  'WeakRef',
  class {
    constructor(private readonly target: Loose) {}
    deref(): Loose {
      return this.target;
    }
  },
);
define(
  globalThis,
  'FinalizationRegistry',
  class {
    register(): void {}
    unregister(): void {}
  },
);
