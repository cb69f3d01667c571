import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import type { GatewayError } from '../../../../gateway/core/error.js';
import type { Task } from '../../../../gateway/core/tfs/tasks.js';
import { ClassificationRequestSchema } from '../../../../gateway/gen/tensorflow_serving/apis/classification_pb.js';
import { exampleRows } from '../../../../gateway/grpc/tfs/example-rows.js';
import { decodeInputRequest } from '../../../../gateway/grpc/tfs/input-codec.js';
import { len, num } from '../../../support/wire-bytes.js';

const tensor = { name: 'X', datatype: 'FP32' as const, shape: [-1, 3] };
const task: Task = {
  ...{ kind: 'classify', input: tensor, output: tensor, width: 3, maxRows: 8, labels: [] },
  features: ['a', 'b', 'c'],
};

const value = fc.float({ noNaN: true });
const floats = (given: number[]) => ({ kind: { case: 'floatList' as const, value: { value: given } } });
const whole = (given: number) => ({
  kind: { case: 'int64List' as const, value: { value: [BigInt(given)] } },
});

/** A row: its features in any order, or all of them in one, and what nobody knows beside them. */
const row = fc.record({
  values: fc.tuple(value, value, value),
  one: fc.boolean(),
  turn: fc.nat(2),
  extra: fc.boolean(),
});

test('rows of Examples become a matrix, whatever the order of their features', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), fc.boolean(), (rows, withContext) => {
      const examples = rows.map(({ values, one, turn, extra }) => {
        const named = values.map((each, at): [string, object] => ['abc'[at] as string, floats([each])]);
        const order = [...named.slice(turn), ...named.slice(0, turn)];
        const feature = Object.fromEntries([
          ...(extra ? [['other', whole(7)] as const] : []),
          ...(one ? [['X', floats(values)] as const] : order),
        ]);
        return { features: { feature } };
      });
      const kind = withContext
        ? {
            case: 'exampleListWithContext' as const,
            value: { examples, context: { features: { feature: { a: whole(-5) } } } },
          }
        : { case: 'exampleList' as const, value: { examples } };
      const message = create(ClassificationRequestSchema, { modelSpec: { name: 'm' }, input: { kind } });
      const { reader, input, spec } = decodeInputRequest(toBinary(ClassificationRequestSchema, message));
      const data = exampleRows(reader, input, task);
      assert.equal(spec?.name, 'm');
      assert.deepEqual(
        [...new Float32Array(data.buffer)],
        rows.flatMap(({ values }) => values),
      );
    }),
    { numRuns: 300 },
  );
});

test('integers are taken as floats; without names a row is one feature', () => {
  const feature = { a: whole(3), b: floats([1]), c: whole(-(2 ** 40)) };
  const body = (given: object) =>
    toBinary(
      ClassificationRequestSchema,
      create(ClassificationRequestSchema, {
        input: {
          kind: {
            case: 'exampleList',
            value: { examples: [{ features: { feature: given as typeof feature } }] },
          },
        },
      }),
    );
  const read = (given: object, of: Task) => {
    const { reader, input } = decodeInputRequest(body(given));
    return [...new Float32Array(exampleRows(reader, input, of).buffer)];
  };
  assert.deepEqual(read(feature, task), [3, 1, -(2 ** 40)]);
  const nameless = { ...task, features: undefined };
  assert.throws(
    () => read(feature, nameless),
    (error: GatewayError) =>
      error.message ===
      "Name: <unknown>, Feature: X (data type: float) is required but could not be found.: the model's features have no names, so that a row is one feature of 3 floats",
  );
});

test('a feature that is given twice, or in two kinds of list, has what came last', () => {
  const one = Buffer.alloc(4);
  one.writeFloatLE(9);
  const named = (name: string, ...value: Buffer[]): Buffer => len(1, len(1, name), len(2, ...value));
  const [float, int] = [len(2, len(1, one)), len(3, num(1, 4))];
  const features = [named('a', float), named('a', float, int), named('b', int, float), named('c', int)];
  const body = len(2, len(1, len(1, len(1, ...features))));
  const { reader, input } = decodeInputRequest(body);
  assert.deepEqual([...new Float32Array(exampleRows(reader, input, task).buffer)], [4, 9, 4]);
});

test('bytes that were changed at random are refused as such, or as a wrong row, and break nothing else', () => {
  const message = create(ClassificationRequestSchema, {
    modelSpec: { name: 'm' },
    input: {
      kind: {
        case: 'exampleList',
        value: { examples: [{ features: { feature: { a: floats([1]), b: whole(2), c: floats([3]) } } }] },
      },
    },
  });
  const body = Buffer.from(toBinary(ClassificationRequestSchema, message));
  let refused = 0;
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(body);
      changed[at] = byte;
      try {
        const { reader, input } = decodeInputRequest(changed);
        assert.equal(exampleRows(reader, input, task).length, input.examples.length * 12);
      } catch (error) {
        assert.match((error as GatewayError).code, /^(INTERNAL|INVALID_ARGUMENT)$/, String(error));
        refused++;
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(refused > 200, `${refused} refused`);
});
