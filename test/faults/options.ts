import { parseArgs } from 'node:util';

/** What `npm run test:faults -- …` is asked for. */
export interface FaultOptions {
  readonly seed: number;
  /** Parts of names; none: every scenario. */
  readonly only: readonly string[];
  /** Everything that was measured, to stdout. */
  readonly json: boolean;
  /** Writes docs/FAILURES.md. */
  readonly write: boolean;
}

export const USAGE =
  'usage: npm run test:faults -- [--seed N] [--only part-of-a-name]... [--json] [--write]   (--write needs all scenarios)';

/** Throws an Error that says what is wrong. */
export function faultOptions(argv: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seed: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const { only, json, write } = values;
  if (write && only.length > 0) throw new Error('--write needs every scenario, so not --only');
  return { seed: wholeNumber('--seed', values.seed), only, json, write };
}

/** Throws an Error naming the option. */
export function wholeNumber(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new Error(`${option} is ${JSON.stringify(text)}, wanted a whole number`);
  return Number(text);
}
