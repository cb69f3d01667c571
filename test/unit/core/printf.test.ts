import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixed6 } from '../../../gateway/core/printf.js';

test('numbers are printed as C prints them with %f', () => {
  // The right side is what glibc's printf gives.
  const rows: [number, string][] = [
    [0, '0.000000'],
    [-0, '-0.000000'],
    [1, '1.000000'],
    [-1.5, '-1.500000'],
    [0.1, '0.100000'],
    [Math.fround(0.1), '0.100000'],
    [0.9999996, '1.000000'],
    [1e-9, '0.000000'],
    [-1e-9, '-0.000000'],
    [123456789.12345679, '123456789.123457'],
    // Ties of the seventh decimal go to the even digit.
    [1 / 128, '0.007812'],
    [3 / 128, '0.023438'],
    [5 / 128, '0.039062'],
    [-1 / 128, '-0.007812'],
    [127 + 127 / 128, '127.992188'],
    [2 ** 40 + 1 / 128, '1099511627776.007812'],
    [2 ** 53, '9007199254740992.000000'],
    [1e21, '1000000000000000000000.000000'],
    [Math.fround(3.4e38), '339999995214436424907732413799364296704.000000'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
  ];
  for (const [value, text] of rows) assert.equal(fixed6(value), text);
});
