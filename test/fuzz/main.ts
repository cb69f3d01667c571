/** `npm run fuzz -- --seconds 30 [--seed 1]`: fuzzes the decoder, prints what was done; exit code 1 at a disagreement. */
import { parseArgs } from 'node:util';
import { fuzzDecoder } from './oip-decoder.js';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '30' }, seed: { type: 'string' } },
});
const seconds = Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  console.error('usage: npm run fuzz -- [--seconds <number>] [--seed <integer>]');
  process.exit(1);
}
console.log(`seed ${seed}, ${seconds} s`);
console.log(JSON.stringify(fuzzDecoder({ seed, seconds })));
