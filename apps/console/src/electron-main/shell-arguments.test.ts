import { describe, expect, it } from 'vitest';
import { parseShellArguments } from './shell-arguments.js';

const parse = (...argv: string[]) => parseShellArguments(argv, '/home/op');

describe('parseShellArguments', () => {
  it('reads address and token file, relative to the folder the shell was started in', () => {
    expect(parse('--daemon', 'http://box:9000/', '--token-file', 'store/api-token')).toEqual({
      daemon: 'http://box:9000',
      tokenFile: '/home/op/store/api-token',
    });
  });

  it('takes the local daemon when none is named, and values after an equals sign', () => {
    expect(parse('.', '--no-sandbox', '--token-file=/run/t')).toEqual({
      daemon: 'http://127.0.0.1:8080',
      tokenFile: '/run/t',
    });
  });

  it.each([
    [['--daemon', 'http://box'], '--token-file is missing'],
    [['--token-file', 't', '--daemon', 'ftp://box'], '--daemon ftp://box is not an http(s) address'],
    [['--token-file', 't', '--daemon', 'box'], '--daemon box is not an address'],
    [['--token-file', '--daemon', 'http://box'], '--token-file has no value'],
  ])('%j: %s', (argv, problem) => {
    expect(() => parse(...argv)).toThrow(
      expect.objectContaining({ code: 'PLB_CONSOLE_USAGE', message: expect.stringContaining(problem) }),
    );
  });
});
