import type { GivenRow } from '../gateway/core/manifest.js';
import type { Signature } from '../gateway/core/model.js';
import { type GoldenLine, parseGolden } from './golden-line.js';
import type { GivenRows } from './probe.js';
import type { WireTensor } from './protocol.js';

/** Golden lines as rows that a model is known to take: for its warm-up in every worker, and for the probe. */

/** Lines that are looked at. */
const MAX_PROBE_LINES = 32;
/** What every worker runs first: a few, and they travel with each load. */
const WARM_UP_LINES = 4;
const MAX_WARM_UP_BYTES = 256 * 1024;

/** Rows of the first lines, where there are any. */
export interface KnownRows {
  readonly warmUp: readonly GivenRow[];
  readonly probe: GivenRows | undefined;
}

/** Throws as `parseGolden` for the lines that it reads. */
export function knownRows(text: string, signature: Signature): KnownRows {
  const lines: GoldenLine[] = [];
  for (const line of parseGolden(text, signature)) if (lines.push(line) === MAX_PROBE_LINES) break;
  return { warmUp: warmUpRows(lines), probe: probeRows(lines, signature) };
}

function warmUpRows(lines: readonly GoldenLine[]): GivenRow[] {
  const rows: GivenRow[] = [];
  let bytes = 0;
  for (const { inputs } of lines.slice(0, WARM_UP_LINES)) {
    bytes += inputs.reduce((sum, { data }) => sum + data.byteLength, 0);
    if (bytes > MAX_WARM_UP_BYTES) break;
    rows.push(
      inputs.map(({ data, ...tensor }) => ({ ...tensor, base64: Buffer.from(data).toString('base64') })),
    );
  }
  return rows;
}

/** The probe stacks rows: they must be single ones, of the same shapes and in the same order. */
function probeRows(lines: readonly GoldenLine[], { batchable }: Signature): GivenRows | undefined {
  const shapes = (inputs: readonly WireTensor[]): string =>
    inputs.map(({ name, shape }) => `${name} ${shape}`).join(';');
  const single = lines
    .map(({ inputs }) => inputs)
    .filter((inputs) => !batchable || inputs.every(({ shape }) => shape[0] === 1));
  const [first] = single;
  if (first === undefined) return undefined;
  const alike = single.filter((inputs) => shapes(inputs) === shapes(first));
  let next = 0;
  return {
    row: () => [...(alike[next++ % alike.length] as readonly WireTensor[])],
    varied: alike.some((inputs) => inputs.some(({ data }, i) => !sameBytes(data, first[i]?.data))),
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && Buffer.compare(a, b) === 0;
}
