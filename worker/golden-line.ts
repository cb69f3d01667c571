import { GatewayError, quote } from '../gateway/core/error.js';
import { GOLDEN_FILE } from '../gateway/core/golden.js';
import type { Signature } from '../gateway/core/model.js';
import { type Element, encodeElements } from './golden-elements.js';
import { goldenLines } from './golden-file.js';
import { GoldenFault, type GoldenTensor, readTensor } from './golden-tensor.js';
import type { WireTensor } from './protocol.js';

/** How far a float may be from what is wanted: `absolute + relative * |wanted|`. What is absent is the datatype's default. */
export interface Tolerance {
  readonly absolute?: number;
  readonly relative?: number;
}

/** One line of golden answers: what to ask, and what must come. */
export interface GoldenLine {
  /** From 1, as an editor counts. */
  readonly line: number;
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly GoldenTensor[];
  readonly tolerance: Tolerance;
  /** Where the row is from, for people. */
  readonly note?: string;
}

const LINE_KEYS = ['inputs', 'outputs', 'tolerance', 'note'];
const HEADER_KEYS = ['tolerance', 'note'];

type Json = Record<string, unknown>;

/**
 * Reads golden answers line by line, as a model's signature has its inputs and outputs. A first line without inputs and
 * outputs has the tolerance of all lines. Throws FAILED_PRECONDITION, with the line and what is wanted in it.
 */
export function* parseGolden(
  text: string,
  signature: Pick<Signature, 'inputs' | 'outputs'>,
): Generator<GoldenLine> {
  let defaults: Tolerance = {};
  let first = true;
  for (const { line, text: content } of goldenLines(text)) {
    try {
      const value = parseObject(content);
      if (first && !Object.hasOwn(value, 'inputs') && !Object.hasOwn(value, 'outputs')) {
        refuseUnknown(value, HEADER_KEYS);
        defaults = toleranceOf(value);
      } else yield readLine(value, line, signature, defaults);
      first = false;
    } catch (error) {
      if (error instanceof GoldenFault) throw refuse(`line ${line}: ${error.message}`);
      throw error;
    }
  }
}

function readLine(
  value: Json,
  line: number,
  signature: Pick<Signature, 'inputs' | 'outputs'>,
  defaults: Tolerance,
): GoldenLine {
  refuseUnknown(value, LINE_KEYS);
  const given = namedTensors(value, 'inputs', signature.inputs);
  for (const { name } of signature.inputs)
    if (!given.some(([key]) => key === name)) throw new GoldenFault(`it has no input ${quote(name)}`);
  const inputs = given.map(([name, input]) => readInput(name, input, signature));
  const expected = namedTensors(value, 'outputs', signature.outputs);
  if (expected.length === 0) throw new GoldenFault('it wants no output: nothing would be checked');
  const outputs = expected.map(([name, output]) => {
    const { datatype } = specOf(name, signature.outputs);
    return readTensor(output, { role: 'output', name, datatype });
  });
  const { note } = value;
  if (note !== undefined && typeof note !== 'string') throw new GoldenFault('its note is not text');
  const tolerance = { ...defaults, ...toleranceOf(value) };
  return { line, inputs, outputs, tolerance, ...(note !== undefined && { note }) };
}

function readInput(name: string, value: unknown, { inputs }: Pick<Signature, 'inputs'>): WireTensor {
  const spec = specOf(name, inputs);
  const { shape, datatype, elements } = readTensor(value, { role: 'input', name, datatype: spec.datatype });
  const fits =
    shape.length === spec.shape.length && spec.shape.every((dim, i) => dim === -1 || dim === shape[i]);
  if (!fits) throw new GoldenFault(`input ${quote(name)} has shape [${shape}], wanted [${spec.shape}]`);
  return { name, datatype, shape, data: encodeElements(datatype, elements as Element[]) };
}

interface Named {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

function namedTensors(value: Json, key: 'inputs' | 'outputs', specs: readonly Named[]): [string, unknown][] {
  const named = value[key];
  if (typeof named !== 'object' || named === null || Array.isArray(named))
    throw new GoldenFault(`its ${key} are not given: wanted "${key}": {name: values}`);
  for (const name of Object.keys(named))
    if (!specs.some((spec) => spec.name === name)) {
      const known = specs.slice(0, 20).map((spec) => quote(spec.name));
      throw new GoldenFault(`unknown key ${quote(name)} in ${key}, the model has ${known.join(', ')}`);
    }
  return Object.entries(named);
}

function specOf(name: string, specs: readonly Named[]): Named {
  return specs.find((spec) => spec.name === name) as Named;
}

function parseObject(text: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new GoldenFault(`it is not JSON: ${quote(text, 40)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new GoldenFault(`it is not an object: ${quote(text, 40)}`);
  return value as Json;
}

function refuseUnknown(value: Json, known: readonly string[]): void {
  for (const key of Object.keys(value))
    if (!known.includes(key)) throw new GoldenFault(`unknown key ${quote(key)}, wanted ${known.join(', ')}`);
}

function toleranceOf({ tolerance = {} }: Json): Tolerance {
  if (typeof tolerance !== 'object' || tolerance === null || Array.isArray(tolerance))
    throw new GoldenFault('its tolerance is not an object: wanted {"absolute": 1e-6, "relative": 1e-5}');
  for (const [key, value] of Object.entries(tolerance)) {
    if (key !== 'absolute' && key !== 'relative')
      throw new GoldenFault(`unknown key ${quote(key)} in tolerance, wanted absolute, relative`);
    // JSON can write a number beyond all bounds, and with that every answer would do.
    if (typeof value !== 'number' || !Number.isFinite(value) || value < 0)
      throw new GoldenFault(`its tolerance has ${key} ${String(value)}, wanted a number from 0`);
  }
  return tolerance as Tolerance;
}

function refuse(problem: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', `${GOLDEN_FILE} ${problem}`, { reason: 'model_error' });
}
