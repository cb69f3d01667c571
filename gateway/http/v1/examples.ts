import type { MessageInitShape } from '@bufbuild/protobuf';
import { GatewayError } from '../../core/error.js';
import type { FeatureSchema } from '../../gen/tensorflow/core/example/feature_pb.js';
import type { InputSchema } from '../../gen/tensorflow_serving/apis/input_pb.js';
import { JsonReader } from '../json/reader.js';
import { type JsonValue, kindOf, readValue } from '../json/value.js';

/** What the body of a classify or a regress says. */
export interface TaskRequest {
  readonly signature: string;
  readonly input: MessageInitShape<typeof InputSchema>;
}

type Record_ = ReadonlyMap<string, JsonValue>;

/**
 * Reads the body of `POST /v1/models/{m}:classify` and `:regress`: `examples`, each an object of features, and a `context` that all of them
 * share. Numbers are floats: models here have no other features. Throws INVALID_ARGUMENT.
 *
 * @param most examples that the model takes: of more, which are to be refused, only one is told on
 */
export function readExamples(body: Buffer, most: number): TaskRequest {
  const reader = new JsonReader(body);
  const request = readValue(reader);
  reader.end();
  if (!(request instanceof Map))
    throw bad(`the body is ${kindOf(request)}, wanted an object with 'examples'`);
  const members: Record_ = request;
  const examples = members.get('examples');
  if (!Array.isArray(examples)) throw bad("Missing 'examples' key: wanted a list of objects");
  const context = members.get('context');
  const signature = members.get('signature_name') ?? '';
  if (typeof signature !== 'string') throw bad(`'signature_name' is ${kindOf(signature)}, wanted a text`);
  const list = examples
    .slice(0, most + 1)
    .map((example: JsonValue, index) => toExample(example, `examples[${index}]`));
  return {
    signature,
    input: {
      kind:
        context === undefined
          ? { case: 'exampleList', value: { examples: list } }
          : {
              case: 'exampleListWithContext',
              value: { examples: list, context: toExample(context, 'context') },
            },
    },
  };
}

function toExample(value: JsonValue, where: string) {
  if (!(value instanceof Map)) throw bad(`${where} is ${kindOf(value)}, wanted an object of features`);
  const features = [...(value as Record_)].map(([name, feature]) => [
    name,
    toFeature(feature, `${where}.${name}`),
  ]);
  return {
    features: {
      feature: Object.fromEntries(features) as Record<string, MessageInitShape<typeof FeatureSchema>>,
    },
  };
}

function toFeature(value: JsonValue, where: string): MessageInitShape<typeof FeatureSchema> {
  const list: readonly JsonValue[] = Array.isArray(value) ? value : [value as JsonValue];
  if (list.every((each) => typeof each === 'number' || typeof each === 'bigint'))
    return { kind: { case: 'floatList', value: { value: list.map(Number) } } };
  const texts = list.map((each) => {
    if (typeof each === 'string') return Buffer.from(each);
    const encoded = each instanceof Map && each.size === 1 ? (each as Record_).get('b64') : undefined;
    if (typeof encoded === 'string') return Buffer.from(encoded, 'base64');
    throw bad(`${where.slice(0, 100)} has ${kindOf(each)}, wanted numbers, texts or {"b64": …}`);
  });
  return { kind: { case: 'bytesList', value: { value: texts } } };
}

function bad(message: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'examples' });
}
