import * as z from 'zod';
import { integer, optionalText, Setting } from './setting.js';

/** What sluice.yaml may say of one caller. */
export interface CallerSettings {
  /** Rows per second; 0 for no quota. @default callers.rowsPerSec */
  readonly rowsPerSec?: number;
  /** Its weight where callers compete. @default 1 */
  readonly share?: number;
}

const MAX_ROWS_PER_SEC = 100_000_000;
const CALLER_NAME = /^[\x21-\x7e](?:[\x20-\x7e]{0,126}[\x21-\x7e])?$/;
/** Of a header with text; those of HTTP and gRPC themselves say nothing of who calls. */
const METADATA_KEY =
  /^(?!grpc-|content-|te$|user-agent$|authorization$|cookie$|connection$|transfer-encoding$)(?!.*-bin$)[0-9a-z_.-]{1,64}$/;

const rate = { error: `a whole number from 0 to ${MAX_ROWS_PER_SEC}` };
const weight = { error: 'a number from 0.01 to 1000' };

/** Without a prototype, as every value of this setting: a caller may be called `constructor`. */
const NO_CALLERS: Readonly<Record<string, CallerSettings>> = Object.create(null);

/** Who calls, and how much each may ask for. */
export const CALLER_SETTINGS = {
  metadataKey: optionalText({
    default: undefined,
    defaultText: 'none: callers are not told apart',
    placeholder: 'name',
    pattern: METADATA_KEY,
    wanted:
      "a metadata key: at most 64 of a-z, 0-9, '_', '.' and '-', not ending in -bin, and none of HTTP's or gRPC's own and none that holds secrets",
    why: 'The metadata key whose value says on whose behalf a request is made, for quotas and fair shares. Clients write it: have a trusted proxy set it.',
  }),
  rowsPerSec: integer({
    default: 0,
    min: 0,
    max: MAX_ROWS_PER_SEC,
    unit: 'rows/s',
    why: 'Quota of each caller that has none of its own; more is refused with RESOURCE_EXHAUSTED, for that caller alone. 0 for none.',
  }),
  burstMs: integer({
    default: 1000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
    why: 'How much of its quota a caller may use at once after a pause: the rows of this time, at least one. A request of more rows than that is refused as invalid.',
  }),
  named: new Setting<Readonly<Record<string, CallerSettings>>>({
    form: 'file-only',
    type: z.record(
      z.string().regex(CALLER_NAME),
      z.strictObject({
        rowsPerSec: z
          .int(rate)
          .min(0, rate)
          .max(MAX_ROWS_PER_SEC, rate)
          .describe('Quota in rows per second; 0 for none. Default: callers.rowsPerSec.')
          .exactOptional(),
        share: z
          .number(weight)
          .min(0.01, weight)
          .max(1000, weight)
          .describe('Weight where callers compete. Default 1.')
          .exactOptional(),
      }),
    ),
    default: NO_CALLERS,
    why: "A section per caller, by its metadata's value: `rowsPerSec` (its own quota; 0 for none) and `share` (its weight where callers compete; default 1, twice as much gets twice the rows).",
    wanted: 'a section per caller, with rowsPerSec or share',
    placeholder: '',
    fromText: () => undefined,
  }),
};
