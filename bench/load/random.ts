/** Numbers in [0, 1), repeatable by their seed. */
export type Random = () => number;

/**
 * A small generator of pseudo-random numbers (Marsaglia's xorwow: five words of xorshift and a counter), its state spread out
 * from the seed by the finalizer of MurmurHash3. Good enough for arrivals, useless for secrets.
 * @param stream keeps apart what shares a seed: processes, and uses within a process.
 */
export function seededRandom(seed: number, stream = 0): Random {
  let counter = mix((seed >>> 0) ^ mix(stream + 0x9e3779b9)) ^ mix(Math.floor(seed / 2 ** 32));
  const word = (): number => {
    counter = (counter + 0x9e3779b9) >>> 0;
    return mix(counter);
  };
  let [a, b, c, d, e] = [word(), word(), word(), word(), word() | 1];
  let weyl = 0;
  return () => {
    const t = a ^ (a >>> 2);
    a = b;
    b = c;
    c = d;
    d = e;
    e = e ^ (e << 4) ^ (t ^ (t << 1));
    weyl = (weyl + 362437) | 0;
    return ((e + weyl) >>> 0) / 2 ** 32;
  };
}

function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
