/**
 * How much of a thing a test does: what `npm test` has time for, or, with TEST_SIZE=full (`npm run test:full`), as much
 * as is promised.
 */
export function sized({ usual, full }: { readonly usual: number; readonly full: number }): number {
  return process.env['TEST_SIZE'] === 'full' ? full : usual;
}
