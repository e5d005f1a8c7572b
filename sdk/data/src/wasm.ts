/** The memory of a WebAssembly instance; growing it detaches the views on its former buffer. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  /** @param pages of 64 KiB */
  grow(pages: number): number;
}

/** What is used of the WebAssembly JavaScript interface; the compiler's own declaration comes only with the DOM's. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

/**
 * Compiles and starts a WebAssembly module.
 * @returns its exports, which the caller describes as `Exports`
 */
export function instantiateWasm<Exports>(bytes: Uint8Array, imports: Readonly<Record<string, object>>): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Exports;
}
