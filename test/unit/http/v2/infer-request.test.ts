import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../../gateway/core/error.js';
import { readInferRequest } from '../../../../gateway/http/v2/infer-request.js';

const bytesOf = (...values: number[]): number[] => [...new Uint8Array(Float32Array.from(values).buffer)];

/** Reads a body whose JSON is followed by `binary`. */
function read(json: unknown, binary: readonly Uint8Array[] = []) {
  const head = Buffer.from(typeof json === 'string' ? json : JSON.stringify(json));
  return readInferRequest(Buffer.concat([head, ...binary]), head.length);
}

const input = (more: object) => ({ inputs: [{ name: 'X', datatype: 'FP32', shape: [2], ...more }] });

function refused(
  body: unknown,
  wanted: RegExp,
  code = 'INVALID_ARGUMENT',
  binary?: readonly Uint8Array[],
): void {
  assert.throws(
    () => read(body, binary),
    (error: GatewayError) => {
      assert.ok(error instanceof GatewayError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, wanted);
      return true;
    },
  );
}

test('an input: name, datatype, shape and bytes, whatever the order of its members and however its data are nested', () => {
  for (const text of [
    '{"inputs":[{"name":"X","datatype":"FP32","shape":[2,1],"data":[1.5,2]}]}',
    '{"inputs":[{"data":[[1.5],[2]],"shape":[2,1],"name":"X","datatype":"FP32"}]}',
    '{"more":{"deep":[1]},"inputs":[{"shape":[2,1],"data":[1.5,2],"name":"X","other":null,"datatype":"FP32"}]}',
  ]) {
    const { inputs, id, outputs, allBinary } = read(text);
    assert.deepEqual([id, outputs, allBinary], [undefined, [], false]);
    assert.equal(inputs.length, 1);
    const [{ name, datatype, shape, data } = assert.fail()] = inputs;
    assert.deepEqual([name, datatype, shape, [...data]], ['X', 'FP32', [2, 1], bytesOf(1.5, 2)], text);
  }
});

test('data that stand before their datatype do not lose what stands behind them', () => {
  const { inputs, id } = read(
    '{"inputs":[{"data":[1,2],"shape":[2],"name":"X","datatype":"FP32"},{"name":"Y","datatype":"INT8","shape":[1],"data":[3]}],"id":"i"}',
  );
  assert.deepEqual(
    inputs.map(({ name, data }) => [name, [...data]]),
    [
      ['X', bytesOf(1, 2)],
      ['Y', [3]],
    ],
  );
  assert.equal(id, 'i');
});

test('inputs as bytes behind the JSON are taken in their order, beside others that are numbers', () => {
  const { inputs } = read(
    {
      inputs: [
        { name: 'a', datatype: 'UINT8', shape: [2], parameters: { binary_data_size: 2 } },
        { name: 'b', datatype: 'UINT8', shape: [1], data: [9] },
        { name: 'c', datatype: 'UINT8', shape: [3], parameters: { binary_data_size: 3 } },
      ],
    },
    [Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5)],
  );
  assert.deepEqual(
    inputs.map(({ data }) => [...data]),
    [[1, 2], [9], [3, 4, 5]],
  );
});

test('outputs: which, how, and how many of their classes', () => {
  const { outputs, binary, allBinary, classifications, parameters } = read({
    ...input({ data: [1, 2] }),
    outputs: [
      { name: 'p', parameters: { binary_data: false, classification: 3 } },
      { name: 'q', parameters: { binary_data: true } },
      { name: 'r' },
    ],
    parameters: { binary_data_output: true, priority: 7 },
  });
  assert.deepEqual(outputs, ['p', 'q', 'r']);
  assert.deepEqual(
    [...binary],
    [
      ['p', false],
      ['q', true],
    ],
  );
  assert.equal(allBinary, true);
  assert.deepEqual([...(classifications ?? [])], [['p', 3]]);
  assert.equal(parameters.get('priority'), 7n);
});

test('an empty input needs no data; one that is not empty does', () => {
  assert.equal(read(input({ shape: [0, 4] })).inputs[0]?.data.length, 0);
  refused(input({}), /unable to find data for input tensor 'X' in request\./);
});

test('what does not fit is refused by the name of what it belongs to', () => {
  refused({}, /the request has no 'inputs'/);
  refused('[]', /wanted an object/);
  refused(input({ shape: undefined, data: [1, 2] }), /inference input 'X' has no 'shape'/);
  refused(
    input({ datatype: 'FP33', data: [1, 2] }),
    /inference input 'X' data-type is 'FP33', which is none of BOOL,/,
  );
  refused(input({ datatype: undefined, data: [1, 2] }), /data-type is ''/);
  refused(
    input({ data: [1, 2, 3] }),
    /inputs\[0\]\.data has 3 elements, wanted 2 for the shape \[2\] of input 'X'/,
  );
  refused(
    input({ shape: [2, 1], data: [[1, 2]] }),
    /has the shape \[1,2\], wanted \[2,1\] for the shape \[2,1\]/,
  );
  refused(input({ shape: [-2], data: [1, 2] }), /inputs\[0\]\.shape has the dimension -2 at index 0/);
  refused(input({ shape: [2.5], data: [1, 2] }), /has the dimension 2\.5/);
  refused(
    input({ data: [1, '2'] }),
    /inputs\[0\]\.data\[1\] is a text, wanted a number of FP32 \(line 1, column \d+\)/,
  );
  refused(input({ data: [1, [2]] }), /inputs\[0\]\.data\[1\]/);
  refused(
    input({ datatype: 'UINT8', data: [1, 256] }),
    /inputs\[0\]\.data\[1\] is 256, wanted a number of UINT8: 0 to 255/,
  );
  refused('{"inputs":[{"name":"X","name":"Y"}]}', /the name 'name' is there twice \(line 1, column 24\)/);
});

test('bytes: neither too many nor too few, neither beside numbers nor in shared memory', () => {
  const two = [Uint8Array.of(1, 2)];
  const sized = (size: unknown, more = {}) =>
    input({ datatype: 'UINT8', parameters: { binary_data_size: size }, ...more });
  refused(sized(3), /'binary_data_size' of input 'X' is 3, wanted .* of which 2 are left/, undefined, two);
  refused(sized(1), /1 bytes are left behind the tensors/, undefined, two);
  refused(sized('2'), /'binary_data_size' of input 'X' is '2'/, undefined, two);
  refused(sized(2.5), /'binary_data_size' of input 'X' is 2\.5/, undefined, two);
  refused(sized(2, { data: [1, 2] }), /has both 'data' and 'binary_data_size'/, undefined, two);
  refused(input({ data: [1, 2] }), /2 bytes are left behind the tensors/, undefined, two);
  refused(input({ parameters: { shared_memory_region: 'r' } }), /input 'X': shared memory/, 'UNIMPLEMENTED');
  refused(
    { ...input({ data: [1, 2] }), outputs: [{ name: 'Y', parameters: { shared_memory_region: 'r' } }] },
    /output 'Y': shared memory/,
    'UNIMPLEMENTED',
  );
});

test('no more inputs and outputs than over gRPC', () => {
  const many = Array.from({ length: 4097 }, (_, i) => ({
    name: `x${i}`,
    datatype: 'INT8',
    shape: [1],
    data: [1],
  }));
  refused({ inputs: many }, /more than 4096 entries in inputs/);
  refused({ inputs: [], outputs: many.map(({ name }) => ({ name })) }, /more than 4096 entries in outputs/);
});

test('a shape that promises more than the text holds takes no memory', () => {
  const before = process.memoryUsage().arrayBuffers;
  refused(input({ shape: [2 ** 40], data: [1, 2] }), /has 2 elements, wanted 1099511627776/);
  assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});
