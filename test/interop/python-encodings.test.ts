/** Requests that google.protobuf writes, with tritonclient's own messages, are read by our decoder as it reads them itself. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ParameterValue } from '../../gateway/core/infer-call.js';
import type { Tensor } from '../../gateway/core/tensor.js';
import { decodeInferRequest } from '../../gateway/grpc/oip-codec.js';
import { findTool, pythonScripts, runTool } from './tools.js';

const COUNT = 2000;

/** What random_requests.py writes of a request. */
interface Described {
  readonly model: string;
  readonly version: string;
  readonly id: string;
  readonly parameters: readonly (readonly [string, string, string])[];
  readonly outputs: readonly string[];
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly elements: readonly string[];
    readonly raw: string | null;
  }[];
}

test(`${COUNT} random requests encoded by Python are read alike`, async (t) => {
  const python = findTool(t, 'python');
  if (python === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'requests');
  const seed = Date.now() % 2 ** 31;
  t.diagnostic(`seed ${seed}`);
  const script = join(pythonScripts, 'random_requests.py');
  const result = await runTool(python, ['-B', script, String(seed), String(COUNT), path]);
  assert.equal(result.code, 0, result.stderr);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  assert.equal(lines.length, 2 * COUNT);
  for (let i = 0; i < lines.length; i += 2) {
    const body = Buffer.from(lines[i] as string, 'hex');
    const theirs = JSON.parse(lines[i + 1] as string) as Described;
    const ours = decodeInferRequest(body);
    const { model, version, id, outputs } = ours;
    assert.deepEqual(
      { model, version, id, outputs, parameters: [...ours.parameters].map(parameterText).sort(byKey) },
      { ...withoutInputs(theirs), parameters: [...theirs.parameters].sort(byKey) },
    );
    assert.equal(ours.inputs.length, theirs.inputs.length);
    for (const [at, input] of ours.inputs.entries()) {
      const wanted = theirs.inputs[at] as Described['inputs'][number];
      assert.deepEqual(
        [input.name, input.datatype, input.shape],
        [wanted.name, wanted.datatype, wanted.shape],
      );
      if (wanted.raw !== null) assert.equal(Buffer.from(input.data).toString('base64'), wanted.raw);
      else assert.deepEqual(elementTexts(input), wanted.elements, input.datatype);
    }
  }
});

function withoutInputs({ inputs: _, ...rest }: Described): Omit<Described, 'inputs'> {
  return rest;
}

function byKey([a]: readonly string[], [b]: readonly string[]): number {
  return (a as string) < (b as string) ? -1 : 1;
}

function parameterText([key, value]: [string, ParameterValue]): [string, string, string] {
  if (typeof value === 'string') return [key, 'str', value];
  if (typeof value === 'boolean') return [key, 'bool', String(Number(value))];
  return typeof value === 'bigint' ? [key, 'int', String(value)] : [key, 'float', doubleHex(value)];
}

function elementTexts({ datatype, data }: Tensor): string[] {
  const { buffer } = Uint8Array.from(data);
  switch (datatype) {
    case 'BOOL':
    case 'UINT8':
      return [...new Uint8Array(buffer)].map(String);
    case 'INT8':
      return [...new Int8Array(buffer)].map(String);
    case 'INT16':
      return [...new Int16Array(buffer)].map(String);
    case 'UINT16':
      return [...new Uint16Array(buffer)].map(String);
    case 'INT32':
      return [...new Int32Array(buffer)].map(String);
    case 'UINT32':
      return [...new Uint32Array(buffer)].map(String);
    case 'INT64':
      return [...new BigInt64Array(buffer)].map(String);
    case 'UINT64':
      return [...new BigUint64Array(buffer)].map(String);
    case 'FP32':
      return [...new Float32Array(buffer)].map(doubleHex);
    case 'FP64':
      return [...new Float64Array(buffer)].map(doubleHex);
    default:
      return byteElements(Buffer.from(buffer));
  }
}

function byteElements(bytes: Buffer): string[] {
  const elements: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    elements.push(bytes.subarray(at + 4, end).toString('base64'));
    at = end;
  }
  return elements;
}

function doubleHex(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes.toString('hex');
}
