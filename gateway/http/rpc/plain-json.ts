import { type DescEnum, type DescField, ScalarType } from '@bufbuild/protobuf';
import type { ReflectMessage } from '@bufbuild/protobuf/reflect';

/** What JSON.stringify takes. */
type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

/**
 * A message as Triton's HTTP front end writes it: names as in the .proto file, whole numbers of 64 bits as numbers, where Protobuf's own
 * JSON has texts. What is unset is left out only where it can be unset.
 */
export function plainJson(message: ReflectMessage): { readonly [name: string]: Plain } {
  const members: [string, Plain][] = [];
  for (const field of message.fields) {
    if (!message.isSet(field) && (field.fieldKind === 'message' || field.oneof !== undefined)) continue;
    members.push([field.name, fieldOf(message, field)]);
  }
  return Object.fromEntries(members);
}

function fieldOf(message: ReflectMessage, field: DescField): Plain {
  switch (field.fieldKind) {
    case 'scalar':
      return scalar(message.get(field), field.scalar);
    case 'enum':
      return enumName(field.enum, message.get(field));
    case 'message':
      return plainJson(message.get(field));
    case 'list': {
      const list = [...message.get(field)];
      if (field.listKind === 'message') return list.map((each) => plainJson(each as ReflectMessage));
      if (field.listKind === 'enum') return list.map((each) => enumName(field.enum, each as number));
      return list.map((each) => scalar(each, field.scalar));
    }
    default: {
      const entries = [...message.get(field)].map(([key, value]): [string, Plain] => [
        String(key),
        field.mapKind === 'message'
          ? plainJson(value as ReflectMessage)
          : field.mapKind === 'enum'
            ? enumName(field.enum, value as number)
            : scalar(value, field.scalar),
      ]);
      return Object.fromEntries(entries);
    }
  }
}

function scalar(value: unknown, type: ScalarType): Plain {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (type === ScalarType.BYTES) return Buffer.from(value as Uint8Array).toString('base64');
  return value as Plain;
}

function enumName(desc: DescEnum, number: number): Plain {
  return desc.value[number]?.name ?? number;
}
