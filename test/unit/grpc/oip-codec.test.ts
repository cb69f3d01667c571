import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError, type StatusCode } from '../../../gateway/core/error.js';
import { decodeInferRequest, type InferRequest } from '../../../gateway/grpc/oip-codec.js';
import { input, len, num, tag, varint } from '../../support/wire-bytes.js';

/** A request to model m with what else is given. */
function decode(...parts: readonly Buffer[]): InferRequest {
  return decodeInferRequest(Buffer.concat([len(1, 'm'), ...parts]));
}

function refused(code: StatusCode, pattern: RegExp, ...parts: readonly Buffer[]): GatewayError {
  let error: unknown;
  try {
    decode(...parts);
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof GatewayError, `accepted, or threw ${String(error)}`);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, pattern);
  return error;
}

const float = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};

describe('a request is read', () => {
  test('raw contents are views on the message, index by index', () => {
    const body = Buffer.concat([
      len(1, 'iris'),
      len(2, '7'),
      len(3, 'id-1'),
      input('a', 'FP32', [1, 2]),
      input('b', 'INT64', [1]),
      len(6, len(1, 'label')),
      len(7, float(1), float(2)),
      len(7, Buffer.alloc(8, 9)),
    ]);
    const request = decodeInferRequest(body);
    assert.equal(request.model, 'iris');
    assert.equal(request.version, '7');
    assert.equal(request.id, 'id-1');
    assert.deepEqual(request.outputs, ['label']);
    assert.deepEqual(request.inputs[0]?.shape, [1, 2]);
    assert.deepEqual(Buffer.from(request.inputs[0]?.data ?? []), Buffer.concat([float(1), float(2)]));
    assert.deepEqual(Buffer.from(request.inputs[1]?.data ?? []), Buffer.alloc(8, 9));
    for (const tensor of request.inputs) assert.equal(tensor.data.buffer, body.buffer);
  });

  test('parameters keep their types, and the last of a key counts', () => {
    const { parameters } = decode(
      len(4, len(1, 'flag'), len(2, num(1, 1))),
      len(4, len(1, 'timeout'), len(2, num(2, -5))),
      len(4, len(1, 'text'), len(2, len(3, 'x'))),
      len(4, len(1, 'ratio'), len(2, tag(4, 1), Buffer.from('000000000000f83f', 'hex'))),
      len(4, len(1, 'priority'), len(2, num(5, 2n ** 64n - 1n))),
      len(4, len(1, 'twice'), len(2, num(1, 1))),
      len(4, len(1, 'twice'), len(2, num(2, 3))),
      len(4, len(1, 'none')),
    );
    assert.deepEqual(
      [...parameters],
      [
        ['flag', true],
        ['timeout', -5n],
        ['text', 'x'],
        ['ratio', 1.5],
        ['priority', 2n ** 64n - 1n],
        ['twice', 3n],
      ],
    );
  });

  test('an input without elements needs no data', () => {
    assert.equal(decode(input('a', 'FP32', [0, 4])).inputs[0]?.data.length, 0);
  });

  test('B30 unknown fields of every wire type are skipped, on every level', () => {
    const group = Buffer.concat([tag(90, 3), num(1, 2), tag(7, 3), tag(7, 4), tag(90, 4)]);
    const unknown = Buffer.concat([
      num(100, 2n ** 64n - 1n),
      tag(101, 1),
      Buffer.alloc(8),
      len(102, 'anything \xff'),
      tag(103, 5),
      Buffer.alloc(4),
      group,
    ]);
    const request = decode(
      unknown,
      len(4, unknown, len(1, 'k'), len(2, unknown, num(1, 1))),
      input('a', 'INT32', [1], unknown, len(5, unknown, num(2, 5))),
      len(6, unknown, len(1, 'o')),
    );
    assert.deepEqual([...request.parameters], [['k', true]]);
    assert.deepEqual([...(request.inputs[0]?.data ?? [])], [5, 0, 0, 0]);
    assert.deepEqual(request.outputs, ['o']);
  });

  test('B32 of a field given twice the last counts, and messages merge', () => {
    const request = decode(
      len(1, 'other'),
      len(1, 'last'),
      input('x', 'INT32', [2], len(1, 'y'), len(5, num(2, 1)), len(5, num(2, 2))),
    );
    assert.equal(request.model, 'last');
    assert.equal(request.inputs[0]?.name, 'y');
    assert.deepEqual([...(request.inputs[0]?.data ?? [])], [1, 0, 0, 0, 2, 0, 0, 0]);
  });
});

describe('typed contents become the bytes of the datatype', () => {
  /** What is on the wire in field 5, and the little-endian bytes it means. */
  const rows: readonly (readonly [string, string, Buffer, string])[] = [
    ['packed booleans, of any value', 'BOOL', len(1, varint(0), varint(1), varint(2n ** 40n)), '000101'],
    ['booleans one by one', 'BOOL', Buffer.concat([num(1, 1), num(1, 0)]), '0100'],
    [
      'packed int32, negative ones in ten bytes',
      'INT32',
      len(2, varint(-1), varint(258)),
      'ffffffff02010000',
    ],
    [
      'packed int64, beyond 2^53',
      'INT64',
      len(3, varint(-2), varint(2n ** 62n)),
      'feffffffffffffff0000000000000040',
    ],
    ['int64 one by one', 'INT64', Buffer.concat([num(3, -2), num(3, 1)]), 'feffffffffffffff0100000000000000'],
    ['packed uint32', 'UINT32', len(4, varint(4294967295)), 'ffffffff'],
    ['packed uint64', 'UINT64', len(5, varint(2n ** 64n - 1n)), 'ffffffffffffffff'],
    ['int8 in int32', 'INT8', len(2, varint(-128), varint(127)), '807f'],
    ['int16 in int32', 'INT16', len(2, varint(-2), varint(258)), 'feff0201'],
    ['uint8 in uint32', 'UINT8', len(4, varint(255)), 'ff'],
    ['uint16 in uint32', 'UINT16', len(4, varint(65535)), 'ffff'],
    ['packed floats', 'FP32', len(6, float(1), float(2)), '0000803f00000040'],
    [
      'floats in several pieces',
      'FP32',
      Buffer.concat([len(6, float(1)), tag(6, 5), float(2), len(6, float(1))]),
      '0000803f000000400000803f',
    ],
    [
      'doubles one by one',
      'FP64',
      Buffer.concat([tag(7, 1), Buffer.alloc(8, 1), tag(7, 1), Buffer.alloc(8, 2)]),
      '01'.repeat(8) + '02'.repeat(8),
    ],
    [
      'strings, each behind its length',
      'BYTES',
      Buffer.concat([len(8, 'ab'), len(8, ''), len(8, 'é')]),
      '0200000061620000000002000000c3a9',
    ],
    ['an empty packed field', 'FP32', len(6), ''],
  ];
  for (const [what, datatype, contents, hex] of rows) {
    test(what, () => {
      const [tensor] = decode(input('x', datatype, [1], len(5, contents))).inputs;
      assert.equal(Buffer.from(tensor?.data ?? []).toString('hex'), hex);
    });
  }

  test('one packed run of floats is a view on the message', () => {
    const body = Buffer.concat([len(1, 'm'), input('x', 'FP32', [2], len(5, len(6, float(1), float(2))))]);
    assert.equal(decodeInferRequest(body).inputs[0]?.data.buffer, body.buffer);
  });

  test('an element that the datatype cannot hold is refused by value and index', () => {
    refused(
      'INVALID_ARGUMENT',
      /'x' has the element 128 at index 1.*INT8/,
      input('x', 'INT8', [2], len(5, len(2, varint(1), varint(128)))),
    );
    refused(
      'INVALID_ARGUMENT',
      /element 65536 at index 0.*UINT16/,
      input('x', 'UINT16', [1], len(5, len(4, varint(65536)))),
    );
  });

  test('contents of another datatype, or of two, are refused in the words of Triton', () => {
    refused(
      'INVALID_ARGUMENT',
      /unexpected explicit tensor data for input tensor 'x' for model 'm' of type 'FP32', expected datatype 'INT32'/,
      input('x', 'INT32', [1], len(5, len(6, float(1)))),
    );
    refused(
      'INVALID_ARGUMENT',
      /of type 'BOOL', expected datatype 'FP32'/,
      input('x', 'FP32', [1], len(5, len(6, float(1)), num(1, 1))),
    );
  });

  test('FP16 and BF16 have no typed field', () => {
    for (const datatype of ['FP16', 'BF16'])
      refused(
        'INVALID_ARGUMENT',
        /raw_input_contents only/,
        input('x', datatype, [1], len(5, len(6, float(1)))),
      );
  });
});

describe('what is no ModelInferRequest is INTERNAL, with no internals in the text', () => {
  const deep = (levels: number): Buffer =>
    Buffer.concat([...Array(levels).fill(tag(20, 3)), ...Array(levels).fill(tag(20, 4))]);
  const rows: readonly (readonly [string, Buffer])[] = [
    ['a truncated string', Buffer.concat([tag(1, 2), varint(10), Buffer.from('abc')])],
    ['a truncated number', Buffer.from([0xa0, 0x06, 0x80])],
    ['a tag cut short', Buffer.from([0x80])],
    ['invalid UTF-8 in a short text', len(1, Buffer.from([0x61, 0xff]))],
    ['invalid UTF-8 in a long text', len(1, 'a'.repeat(100), Buffer.from([0xc3, 0x28]))],
    ['a surrogate in UTF-8', len(3, Buffer.from([0xed, 0xa0, 0x80]))],
    ['invalid UTF-8 in a parameter', len(4, len(1, Buffer.from([0xff])))],
    ['a string with the wire type of a number', num(1, 5)],
    [
      'B29 contents with the wire type of a double',
      input('x', 'FP32', [1], len(5, tag(6, 1), Buffer.alloc(8))),
    ],
    ['field number 0', Buffer.from([0x02, 0x00])],
    ['wire type 6', Buffer.from([0xa6, 0x06, 0x00])],
    ['a number of eleven bytes', Buffer.concat([tag(100, 0), Buffer.alloc(10, 0x80), Buffer.from([1])])],
    ['a tag of six bytes', Buffer.from([0x8a, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00])],
    ['a length beyond 32 bits', Buffer.concat([tag(1, 2), varint(2n ** 40n)])],
    ['a nested message longer than its parent', len(5, tag(1, 2), varint(9), Buffer.from('a'))],
    ['half a packed float', input('x', 'FP32', [1], len(5, len(6, Buffer.alloc(3))))],
    [
      'B29 a packed number that its field cuts short',
      input('x', 'INT32', [1], len(5, len(2, Buffer.from([0x80])))),
    ],
    ['a group that does not end', Buffer.concat([tag(20, 3), num(1, 1)])],
    ['a group that another ends', Buffer.concat([tag(20, 3), tag(21, 4)])],
    ['the end of no group', tag(20, 4)],
  ];
  const INTERNAL_TEXT = /^could not parse the request message: [a-zA-Z0-9 ,-]+$/;

  test('B29 truncated, mistyped, overlong or no UTF-8', async (t) => {
    for (const [what, bytes] of rows) {
      await t.test(what, () => {
        assert.equal(refused('INTERNAL', INTERNAL_TEXT, bytes).details.reason, 'bad_request');
      });
    }
  });

  test('B31 10 000 nested groups, and 101, are refused without recursion', () => {
    refused('INTERNAL', INTERNAL_TEXT, deep(10_000));
    refused('INTERNAL', INTERNAL_TEXT, deep(101));
  });

  test('B31 100 nested groups are skipped', () => {
    assert.equal(decode(deep(100)).model, 'm');
  });

  test('B28 random bytes are refused or read, and nothing else is thrown', () => {
    let state = 1;
    let refusals = 0;
    for (let round = 0; round < 5000; round++) {
      const bytes = Buffer.alloc(1 + (round % 60));
      for (let i = 0; i < bytes.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        bytes[i] = state >>> 24;
      }
      try {
        decodeInferRequest(bytes);
      } catch (error) {
        assert.ok(error instanceof GatewayError, String(error));
        refusals++;
      }
    }
    assert.ok(refusals > 4000, `only ${refusals} refused`);
  });
});

describe('a request that cannot be meant is INVALID_ARGUMENT', () => {
  test('C49 mixed raw and typed contents', () => {
    const error = refused(
      'INVALID_ARGUMENT',
      /contents field must not be specified when using raw_input_contents for 'b' for model 'm'/,
      input('a', 'INT32', [1]),
      input('b', 'INT32', [1], len(5, num(2, 1))),
      len(7, Buffer.alloc(4)),
      len(7, Buffer.alloc(4)),
    );
    assert.equal(error.details.field, 'inputs[1].contents');
  });

  test('C49 fewer raw contents than inputs', () => {
    refused(
      'INVALID_ARGUMENT',
      /unable to find data for input tensor 'b' for model 'm' in request\./,
      input('a', 'INT32', [1]),
      input('b', 'INT32', [1]),
      len(7, Buffer.alloc(4)),
    );
  });

  test('C49 more raw contents than inputs', () => {
    refused(
      'INVALID_ARGUMENT',
      /expected 1 raw_input_contents, one for each input, but got 2 for model 'm'/,
      input('a', 'INT32', [1]),
      len(7, Buffer.alloc(4)),
      len(7, Buffer.alloc(4)),
    );
  });

  test('C49 an input with neither', () => {
    refused('INVALID_ARGUMENT', /unable to find data for input tensor 'a'/, input('a', 'INT32', [1]));
  });

  test('C47 an unknown datatype is refused by name', () => {
    refused(
      'INVALID_ARGUMENT',
      /'a' data-type is 'FLOAT', which is none of BOOL, /,
      input('a', 'FLOAT', [1]),
      len(7, ''),
    );
  });

  test('C48 negative, too large and too many dimensions are refused, naming the input', () => {
    const raw = len(7, Buffer.alloc(4));
    const error = refused(
      'INVALID_ARGUMENT',
      /'a' has the dimension -1 at index 1/,
      input('a', 'INT32', [2, -1]),
      raw,
    );
    assert.equal(error.details.field, 'inputs[0].shape');
    refused(
      'INVALID_ARGUMENT',
      /'a' has the dimension 9223372036854775807 at index 0/,
      len(5, len(1, 'a'), len(2, 'INT32'), num(3, 2n ** 63n - 1n)),
      raw,
    );
    refused(
      'INVALID_ARGUMENT',
      /'a' has more than 64 dimensions/,
      input('a', 'INT32', Array(1_000_000).fill(1)),
      raw,
    );
    assert.equal(decode(input('a', 'INT32', Array(64).fill(1)), raw).inputs[0]?.shape.length, 64);
  });

  test('so many entries that they would cost far more memory than bytes are refused', () => {
    refused('INVALID_ARGUMENT', /more than 4096 entries in inputs/, ...Array(4097).fill(len(5)));
    refused('INVALID_ARGUMENT', /more than 4096 entries in outputs/, ...Array(4097).fill(len(6)));
    refused('INVALID_ARGUMENT', /more than 4096 entries in raw_input_contents/, ...Array(4097).fill(len(7)));
    const many = Array.from({ length: 4097 }, (_, i) => len(4, len(1, `k${i}`), len(2, num(1, 1))));
    refused('INVALID_ARGUMENT', /more than 4096 parameters/, ...many);
  });

  test('shared memory is UNIMPLEMENTED, not ignored', () => {
    const region = len(1, 'shared_memory_region');
    refused(
      'UNIMPLEMENTED',
      /input 'a': shared memory/,
      input('a', 'FP32', [1], len(4, region, len(2, len(3, 'r')))),
    );
    refused(
      'UNIMPLEMENTED',
      /output 'o': shared memory/,
      len(6, len(1, 'o'), len(2, region, len(2, len(3, 'r')))),
    );
  });

  test('a classification of other than a positive number of classes is refused in Triton’s words', () => {
    const output = (...value: Uint8Array[]) =>
      len(6, len(1, 'o'), len(2, len(1, 'classification'), len(2, ...value)));
    refused(
      'INVALID_ARGUMENT',
      /^invalid value type for 'classification' parameter, expected int64_param: output 'o'$/,
      output(len(3, '3')),
    );
    refused(
      'INVALID_ARGUMENT',
      /^invalid value for 'classification' parameter, expected >= 0: output 'o' asks for 0 classes, wanted is 1 or more$/,
      output(num(2, 0)),
    );
    const negative = Buffer.concat([Buffer.of(0x10), Buffer.alloc(9, 0xff), Buffer.of(1)]);
    refused('INVALID_ARGUMENT', /asks for -1 classes/, output(negative));
    const { outputs, classifications } = decodeInferRequest(
      Buffer.concat([output(num(2, 3)), len(6, len(1, 'p'))]),
    );
    assert.deepEqual([outputs, classifications], [['o', 'p'], new Map([['o', 3]])]);
  });

  test('B40 a name of 100 KB is quoted within bounds', () => {
    const error = refused('INVALID_ARGUMENT', /characters\)/, input('n'.repeat(100_000), 'INT32', [1]));
    assert.ok(Buffer.byteLength(error.message) <= 1024);
  });
});
