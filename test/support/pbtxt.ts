/** Messages in protobuf's text format, written and made up by their descriptors: the oracle of our reader. */
import { type DescField, type DescMessage, type Message, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

/** Picks one of several spellings: `n` of them, by number. */
export type Choose = (n: number) => number;

/** Writes a message; `choose` varies how: brackets, separators, comments, lists, quotes. */
export function printText(desc: DescMessage, message: Message, choose: Choose): string {
  return printFields(reflect(desc, message), choose);
}

function printFields(message: ReflectMessage, choose: Choose): string {
  return message.fields
    .filter((field) => message.isSet(field))
    .map((field) => printField(message, field, choose))
    .join('');
}

function printField(message: ReflectMessage, field: DescField, choose: Choose): string {
  const end = () => [' ', '\n', ', ', ';\n', ' # a comment { "\n', '\t'][choose(6)] as string;
  const nested = (inner: ReflectMessage): string => {
    const [open, close] = choose(2) === 0 ? ['{', '}'] : ['<', '>'];
    return `${open}${end().replace(/[,;]/, '')}${printFields(inner, choose)}${close}`;
  };
  const one = (value: unknown, of: { enum?: unknown; scalar?: ScalarType | undefined }): string => {
    if (typeof value === 'object' && value !== null && 'fields' in value)
      return nested(value as ReflectMessage);
    if (of.enum !== undefined) {
      const { values } = of.enum as { values: { number: number; name: string }[] };
      return choose(2) === 0
        ? String(value)
        : (values.find(({ number }) => number === value)?.name as string);
    }
    return printScalar(value, of.scalar as ScalarType, choose);
  };
  const colon = (value: string) => (/^[{<]/.test(value) && choose(2) === 0 ? ' ' : ': ');
  const item = (value: string) => `${field.name}${colon(value)}${value}${end()}`;
  if (field.fieldKind === 'list') {
    const values = [...message.get(field)].map((value) => one(value, field));
    if (choose(2) === 0) return values.map(item).join('');
    return `${field.name}: [ ${values.join(' , ')} ]${end()}`;
  }
  if (field.fieldKind === 'map') {
    return [...message.get(field)]
      .map(([key, value]) => {
        const text = one(value, field);
        const parts = [`key: ${printScalar(key, field.mapKey, choose)}`, `value${colon(text)}${text}`];
        return item(`{ ${(choose(2) === 0 ? parts : parts.reverse()).join(end())} }`);
      })
      .join('');
  }
  return item(one(message.get(field), field));
}

function printScalar(value: unknown, type: ScalarType, choose: Choose): string {
  if (typeof value === 'string') return printString(value, choose);
  if (typeof value === 'boolean')
    return (
      [
        ['false', 'f', '0'],
        ['true', 't', '1'],
      ][Number(value)] as string[]
    )[choose(3)] as string;
  if (type === ScalarType.FLOAT || type === ScalarType.DOUBLE) {
    const text = String(value).replace('Infinity', 'inf');
    return choose(2) === 0 && /\d$/.test(text) ? `${text}f` : text;
  }
  const [sign, digits] =
    (value as number) < 0 ? ['- ', -BigInt(value as number)] : ['', BigInt(value as number)];
  const texts = [String(digits), `0x${digits.toString(16)}`, `0${digits.toString(8)}`];
  return `${sign}${texts[choose(3)]}`;
}

function printString(value: string, choose: Choose): string {
  const quote = choose(2) === 0 ? '"' : "'";
  const pieces: string[] = [];
  for (const char of value) {
    const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;
    const octal = (byte: number) => `\\${byte.toString(8).padStart(3, '0')}`;
    const unsafe = char === quote || char === '\\' || char < ' ';
    const way = choose(4);
    if (!unsafe && way > 1) pieces.push(char);
    else pieces.push([...Buffer.from(char)].map(way % 2 === 0 ? hex : octal).join(''));
    if (choose(8) === 0) pieces.push(`${quote} ${quote}`);
  }
  return quote + pieces.join('') + quote;
}

/** A message of made-up content, most of its fields unset. */
export function inventMessage(desc: DescMessage, choose: Choose): ReflectMessage {
  const message = reflect(desc);
  for (const field of desc.fields) {
    if (choose(3) > 0) continue;
    if (field.oneof !== undefined && message.oneofCase(field.oneof) !== undefined) continue;
    if (field.fieldKind === 'list') {
      for (let i = choose(3); i > 0; i--) message.get(field).add(inventValue(field, choose) as never);
    } else if (field.fieldKind === 'map') {
      for (let i = choose(3); i > 0; i--)
        message
          .get(field)
          .set(inventScalar(field.mapKey, choose) as never, inventValue(field, choose) as never);
    } else message.set(field, inventValue(field, choose));
  }
  return message;
}

function inventValue(field: DescField, choose: Choose): unknown {
  if (field.message !== undefined) return inventMessage(field.message, choose);
  if (field.enum !== undefined) return field.enum.values[choose(field.enum.values.length)]?.number;
  return inventScalar(field.scalar as ScalarType, choose);
}

function inventScalar(type: ScalarType, choose: Choose): unknown {
  const pick = <T>(...values: readonly T[]): T => values[choose(values.length)] as T;
  switch (type) {
    case ScalarType.STRING:
      return pick('', 'name', 'a "b" \'c\' \\ d', 'é\n\t\u0000☃', '\\x41', '🙂');
    case ScalarType.BOOL:
      return choose(2) === 1;
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return pick(0.5, -1.25, 3, 1e10, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    case ScalarType.INT32:
      return pick(0, 1, -1, 2147483647, -2147483648);
    case ScalarType.UINT32:
      return pick(0, 7, 4294967295);
    case ScalarType.INT64:
      return pick(0n, -1n, 9223372036854775807n, -9223372036854775808n);
    case ScalarType.UINT64:
      return pick(0n, 1n, 18446744073709551615n);
    default:
      throw new Error(`no made-up value for scalar type ${type}`);
  }
}
