import { describe, expect, it } from 'vitest';
import { loadOptional } from './load-package.js';

const notFound = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}'`), { code: 'ERR_MODULE_NOT_FOUND' });

describe('loadOptional', () => {
  it('names the command and the package that an edge box lacks', async () => {
    const load = () => Promise.reject(notFound('@plumbline/train'));
    await expect(loadOptional('train', '@plumbline/train', load)).rejects.toMatchObject({
      code: 'PLB_CLI_PACKAGE_MISSING',
      kind: 'input',
      params: { command: 'train', packageName: '@plumbline/train' },
    });
  });

  it('does not hide that a package is broken inside', async () => {
    const load = () => Promise.reject(notFound('left-out-dependency'));
    await expect(loadOptional('train', '@plumbline/train', load)).rejects.toThrow('left-out-dependency');
  });

  it('hands the module through', async () => {
    expect(await loadOptional('train', 'x', () => Promise.resolve({ value: 7 }))).toEqual({ value: 7 });
  });
});
