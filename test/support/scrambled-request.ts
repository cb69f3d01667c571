/** A ModelInferRequest written as no library would, but as the wire format allows: what readers must take all the same. */
import type { ModelInferRequest } from '../../gateway/gen/inference/grpc_service_pb.js';
import { len, num, tag, varint } from './wire-bytes.js';

type Random = () => number;
type Parameters = ModelInferRequest['parameters'];

const fixed = (bytes: 4 | 8, write: (buffer: Buffer) => void): Buffer => {
  const buffer = Buffer.alloc(bytes);
  write(buffer);
  return buffer;
};

/** Fields in any order, unknown fields between them, singular ones twice, packed runs split or not packed at all. */
export function scrambled(message: ModelInferRequest, random: Random): Buffer {
  const fields: Buffer[][] = [
    singular(1, message.modelName, random),
    singular(2, message.modelVersion, random),
    singular(3, message.id, random),
    parametersOf(4, message.parameters, random),
    message.inputs.map((input) => len(5, mixed(inputOf(input, random), random))),
    message.outputs.map(({ name, parameters }) =>
      len(6, mixed([singular(1, name, random), parametersOf(2, parameters, random)], random)),
    ),
    message.rawInputContents.map((raw) => len(7, raw)),
  ];
  return mixed(fields, random);
}

function inputOf(input: ModelInferRequest['inputs'][number], random: Random): Buffer[][] {
  const { contents } = input;
  const fields = [
    singular(1, input.name, random),
    singular(2, input.datatype, random),
    packed(3, input.shape.map(varint), 0, random),
    parametersOf(4, input.parameters, random),
  ];
  if (contents === undefined) return fields;
  const float = (value: number) => fixed(4, (buffer) => buffer.writeFloatLE(value));
  const double = (value: number) => fixed(8, (buffer) => buffer.writeDoubleLE(value));
  const runs = [
    packed(1, contents.boolContents.map(Number).map(varint), 0, random),
    packed(2, contents.intContents.map(varint), 0, random),
    packed(3, contents.int64Contents.map(varint), 0, random),
    packed(4, contents.uintContents.map(varint), 0, random),
    packed(5, contents.uint64Contents.map(varint), 0, random),
    packed(6, contents.fp32Contents.map(float), 5, random),
    packed(7, contents.fp64Contents.map(double), 1, random),
    contents.bytesContents.map((element) => len(8, element)),
  ];
  // The message itself may come in pieces, too: readers append.
  const pieces = random() < 0.5 ? [mixed(runs, random)] : runs.map((run) => Buffer.concat(run));
  return [...fields, pieces.map((piece) => len(5, piece))];
}

/** A singular field: the last one counts, so that others may come before it. */
function singular(field: number, text: string, random: Random): Buffer[] {
  return random() < 0.2 ? [len(field, 'not this one'), len(field, text)] : [len(field, text)];
}

function parametersOf(field: number, parameters: Parameters, random: Random): Buffer[] {
  return Object.entries(parameters).map(([key, { parameterChoice: choice }]) => {
    const value = choiceBytes(choice);
    const body = value.length === 0 && random() < 0.5 ? [] : [len(2, value, unknown(random))];
    const entry = [[len(1, key)], body];
    return len(field, mixed(entry, random));
  });
}

function choiceBytes(choice: Parameters[string]['parameterChoice']): Buffer {
  switch (choice.case) {
    case 'boolParam':
      return num(1, Number(choice.value));
    case 'int64Param':
      return num(2, choice.value);
    case 'stringParam':
      return len(3, choice.value);
    case 'doubleParam':
      return Buffer.concat([tag(4, 1), fixed(8, (buffer) => buffer.writeDoubleLE(choice.value))]);
    case 'uint64Param':
      return num(5, choice.value);
    default:
      return Buffer.alloc(0);
  }
}

/** Elements of a repeated scalar: packed runs of any length, empty ones too, and single ones of wire type `type`. */
function packed(field: number, elements: readonly Buffer[], type: number, random: Random): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < elements.length; ) {
    if (random() < 0.2) parts.push(Buffer.concat([tag(field, type), elements[at++] as Buffer]));
    else {
      const count = Math.floor(random() * 6);
      parts.push(len(field, ...elements.slice(at, at + count)));
      at += count;
    }
  }
  return parts;
}

/** The fields in any order, each one's own occurrences in theirs, with unknown fields between them. */
function mixed(fields: readonly (readonly Buffer[])[], random: Random): Buffer {
  const left = fields.filter((occurrences) => occurrences.length > 0).map((occurrences) => [...occurrences]);
  const parts: Buffer[] = [unknown(random)];
  while (left.length > 0) {
    const at = Math.floor(random() * left.length);
    parts.push((left[at] as Buffer[]).shift() as Buffer, unknown(random));
    if ((left[at] as Buffer[]).length === 0) left.splice(at, 1);
  }
  return Buffer.concat(parts);
}

function unknown(random: Random): Buffer {
  const field = 100 + Math.floor(random() * 1e6);
  const kind = Math.floor(random() * 12);
  if (kind === 0) return num(field, 2n ** 64n - 1n);
  if (kind === 1) return Buffer.concat([tag(field, 1), Buffer.alloc(8, 0xff)]);
  if (kind === 2) return len(field, Buffer.alloc(3, 0xff));
  if (kind === 3) return Buffer.concat([tag(field, 5), Buffer.alloc(4, 0xff)]);
  if (kind === 4) return Buffer.concat([tag(field, 3), num(1, 7), len(2, 'x'), tag(field, 4)]);
  return Buffer.alloc(0);
}
