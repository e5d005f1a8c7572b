/** Dawn, the WebGPU implementation of Chromium, for Node: 50 MB to download, so that only who wants it has it. */
export const webgpuPackage = 'webgpu';

/** Imports a package that need not be installed; the compiler does not look for it. */
export const importFrom = <Module>(name: string): Promise<Module> => import(name) as Promise<Module>;
