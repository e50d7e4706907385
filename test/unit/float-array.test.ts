import { expect, it } from 'vitest';
import { encodeFloats } from '../../src/db/float-array.ts';

it('writes vectors as Postgres sends an array of float4 itself', () => {
  // array_send(array[1, -2.5, 0.1]::float4[]), in hexadecimal.
  const sent = `00000001 00000000 000002bc 00000003 00000001
    00000004 3f800000 00000004 c0200000 00000004 3dcccccd`;
  const vectors = [new Float32Array([1, -2.5]), new Float32Array([0.1])];
  expect(encodeFloats(vectors).toString('hex')).toBe(sent.replace(/\s/g, ''));
});
