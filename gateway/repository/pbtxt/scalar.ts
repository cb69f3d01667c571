import { isUtf8 } from 'node:buffer';
import { type DescEnum, ScalarType } from '@bufbuild/protobuf';
import { quote } from '../../core/error.js';
import { nearest } from '../../core/nearest.js';
import { type Lexer, stringBytes, type Token } from './lexer.js';
import { PbtxtError, type Place } from './pbtxt-error.js';

/** What a scalar field holds, as protobuf-es keeps it. */
export type Scalar = number | bigint | boolean | string | Uint8Array;

/** A value as it stands in the text: a token, with a minus before it or not. */
interface Literal extends Place {
  readonly token: Token;
  readonly negative: boolean;
  /** As written, for messages. */
  readonly shown: string;
}

interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
  readonly wide: boolean;
}

const INT32: IntegerRange = { min: -(2n ** 31n), max: 2n ** 31n - 1n, wide: false };
const INT64: IntegerRange = { min: -(2n ** 63n), max: 2n ** 63n - 1n, wide: true };
const UINT32: IntegerRange = { min: 0n, max: 2n ** 32n - 1n, wide: false };
const UINT64: IntegerRange = { min: 0n, max: 2n ** 64n - 1n, wide: true };

const INTEGERS: ReadonlyMap<ScalarType, IntegerRange> = new Map([
  [ScalarType.INT32, INT32],
  [ScalarType.SINT32, INT32],
  [ScalarType.SFIXED32, INT32],
  [ScalarType.INT64, INT64],
  [ScalarType.SINT64, INT64],
  [ScalarType.SFIXED64, INT64],
  [ScalarType.UINT32, UINT32],
  [ScalarType.FIXED32, UINT32],
  [ScalarType.UINT64, UINT64],
  [ScalarType.FIXED64, UINT64],
]);

const TRUE = ['true', 'True', 't', '1'];
const FALSE = ['false', 'False', 'f', '0'];

/** Reads the value of a scalar field; strings that follow each other are joined. Throws PbtxtError. */
export function readScalar(lexer: Lexer, field: string, type: ScalarType): Scalar {
  const literal = readLiteral(lexer, field);
  const range = INTEGERS.get(type);
  if (range !== undefined) return toInteger(literal, field, range);
  switch (type) {
    case ScalarType.BOOL:
      return toBool(literal, field);
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return toFloat(literal, field, type);
    default:
      return readString(lexer, literal, field, type);
  }
}

/** Reads the value of an enum field: a name or a number of it. Throws PbtxtError. */
export function readEnum(lexer: Lexer, field: string, desc: DescEnum): number {
  const literal = readLiteral(lexer, field);
  const { token, shown } = literal;
  const names = desc.values.map(({ name }) => name);
  const wanted = `one of ${names.join(', ')}`;
  if (token.kind === 'word' && !literal.negative) {
    const found = desc.values.find(({ name }) => name === token.text);
    if (found !== undefined) return found.number;
    const near = nearest(token.text, names);
    const hint = near === undefined ? '' : `: did you mean ${near}?`;
    throw new PbtxtError(literal, `${quote(field)} is ${quote(shown)}, wanted ${wanted}${hint}`);
  }
  const number = token.kind === 'number' ? toInteger(literal, field, INT32) : undefined;
  if (desc.values.some((value) => value.number === number)) return number as number;
  throw new PbtxtError(literal, `${quote(field)} is ${quote(shown)}, wanted ${wanted}`);
}

function readLiteral(lexer: Lexer, field: string): Literal {
  const { line, column } = lexer.token;
  const negative = lexer.takeSymbol('-');
  const { token } = lexer;
  if (token.kind === 'end')
    throw new PbtxtError(token, `the text ends where the value of ${quote(field)} is due`);
  const shown = `${negative ? '-' : ''}${token.text}`;
  if (token.kind === 'symbol')
    throw new PbtxtError(token, `${quote(token.text)} where the value of ${quote(field)} is due`);
  lexer.take();
  return { token, negative, shown, line, column };
}

function wrong({ shown, line, column }: Literal, field: string, wanted: string): PbtxtError {
  return new PbtxtError({ line, column }, `${quote(field)} is ${quote(shown)}, wanted ${wanted}`);
}

function toInteger(literal: Literal, field: string, { min, max, wide }: IntegerRange): number | bigint {
  const { text, kind } = literal.token;
  const octal = /^0\d+$/.test(text);
  if (kind !== 'number' || !/^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text) || (octal && !/^[0-7]+$/.test(text)))
    throw wrong(literal, field, 'a whole number');
  const digits = BigInt(octal ? `0o${text.slice(1)}` : text);
  const value = literal.negative ? -digits : digits;
  if (value < min || value > max) throw wrong(literal, field, `a whole number from ${min} to ${max}`);
  return wide ? value : Number(value);
}

function toBool(literal: Literal, field: string): boolean {
  const { kind, text } = literal.token;
  const isWordOrNumber = kind === 'word' || kind === 'number';
  if (isWordOrNumber && !literal.negative) {
    if (TRUE.includes(text) || /^(?:0+1|0[xX]0*1)$/.test(text)) return true;
    if (FALSE.includes(text) || /^(?:0+|0[xX]0+)$/.test(text)) return false;
  }
  throw wrong(literal, field, 'true or false');
}

function toFloat(literal: Literal, field: string, type: ScalarType): number {
  const { kind, text } = literal.token;
  const sign = literal.negative ? -1 : 1;
  if (kind === 'word') {
    if (/^inf(?:inity)?f?$/i.test(text)) return sign * Number.POSITIVE_INFINITY;
    if (/^nanf?$/i.test(text)) return Number.NaN;
  }
  // As in protobuf: what is written in hex or octal is a whole number and nothing else.
  if (kind !== 'number' || /^0[\dxX]/.test(text)) throw wrong(literal, field, 'a decimal number');
  const value = sign * Number(text.replace(/f$/i, ''));
  return type === ScalarType.FLOAT ? Math.fround(value) : value;
}

function readString(lexer: Lexer, literal: Literal, field: string, type: ScalarType): string | Uint8Array {
  if (literal.token.kind !== 'string' || literal.negative) throw wrong(literal, field, 'a string: in quotes');
  const parts = [stringBytes(literal.token)];
  while (lexer.token.kind === 'string') parts.push(stringBytes(lexer.take()));
  const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
  if (type === ScalarType.BYTES) return new Uint8Array(bytes);
  if (!isUtf8(bytes)) throw wrong(literal, field, 'a string whose escapes give valid UTF-8');
  return bytes.toString('utf8');
}
