import { describe, expect, it } from 'vitest';
import { readFileMetadata } from './file-metadata.js';

const namesOf = (names: string) => readFileMetadata(new Map([['names', names]])).classes;

describe('readFileMetadata', () => {
  it('reads names by id from a Python dict, whatever its quotes and order', () => {
    expect(namesOf(`{0: 'open', 2: "mouse bite, 'old'", 1: 'pin\\'s {hole}'}`)).toEqual([
      'open',
      "pin's {hole}",
      "mouse bite, 'old'",
    ]);
    expect(namesOf(`{0: 'caf\\xe9', 1: '\\u77ed'}`)).toEqual(['caf\u00e9', '\u77ed']);
  });

  it('reads names from a Python list', () => {
    expect(namesOf(`['open', 'short']`)).toEqual(['open', 'short']);
  });

  it('has no names where an id is missing, one is empty, or there is none', () => {
    expect(namesOf(`{0: 'open', 2: 'short'}`)).toBeUndefined();
    expect(namesOf(`{0: '', 1: 'short'}`)).toBeUndefined();
    expect(namesOf('')).toBeUndefined();
    expect(readFileMetadata(new Map())).toEqual({});
  });

  it('reads the size as height and width, or one side for both, and nothing from other text', () => {
    const sizeOf = (imgsz: string) => readFileMetadata(new Map([['imgsz', imgsz]])).sizeHw;
    expect(sizeOf('[384, 512]')).toEqual([384, 512]);
    expect(sizeOf('640')).toEqual([640, 640]);
    expect(sizeOf('[1, 3, 640, 640]')).toBeUndefined();
    expect(sizeOf('auto')).toBeUndefined();
  });
});
