import { create, type DescField, type DescMessage, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { quote } from '../../core/error.js';
import { nearest } from '../../core/nearest.js';
import { Lexer, type Token } from './lexer.js';
import { PbtxtError, type Place } from './pbtxt-error.js';
import { readEnum, readScalar, type Scalar } from './scalar.js';

/** Deeper than any message of a configuration. */
const MAX_DEPTH = 32;
/** Fields and elements of lists, all together: what is read on the event loop must not hold it up. */
const MAX_VALUES = 20_000;

/** A message, and where each field that the text gives stands: by its path, e.g. `input[0].dims`, `parameters[key]`. */
export interface ParsedText<M> {
  readonly message: M;
  readonly places: ReadonlyMap<string, Place>;
}

/**
 * Reads protobuf's text format by a descriptor. Stricter than protobuf's own reader in one thing: a key that is given
 * twice in a map is an error, too. Throws PbtxtError, at the first fault.
 */
export function parseText<D extends DescMessage>(schema: D, text: string): ParsedText<MessageShape<D>> {
  const parser = new Parser(text);
  const message = create(schema);
  parser.readFields(reflect(schema, message), '', undefined, 0);
  return { message, places: parser.places };
}

class Parser {
  readonly #lexer: Lexer;
  #values = 0;
  readonly places = new Map<string, Place>();

  constructor(text: string) {
    this.#lexer = new Lexer(text);
  }

  /** Reads fields up to `close`, or to the end of the text. */
  readFields(into: ReflectMessage, path: string, close: string | undefined, depth: number): void {
    const lexer = this.#lexer;
    const given = new Map<string, Token>();
    while (lexer.token.kind !== 'end' && !(close !== undefined && lexer.isSymbol(close))) {
      this.#readField(into, given, path, depth);
      if (!lexer.takeSymbol(',')) lexer.takeSymbol(';');
    }
    if (close === undefined) return;
    if (lexer.token.kind === 'end')
      throw new PbtxtError(
        lexer.token,
        `the text ends where ${quote(close)} is due, of ${nameOf(into.desc)}`,
      );
    lexer.take();
  }

  #count(token: Token): void {
    if (++this.#values > MAX_VALUES)
      throw new PbtxtError(token, `the text has over ${MAX_VALUES} fields and elements of lists`);
  }

  #readField(into: ReflectMessage, given: Map<string, Token>, path: string, depth: number): void {
    const name = this.#lexer.take();
    this.#count(name);
    const field = fieldOf(into.desc, name);
    const at = path === '' ? field.name : `${path}.${field.name}`;
    const repeated = field.fieldKind === 'list' || field.fieldKind === 'map';
    if (!repeated) refuseSecond(into, field, name, given);
    given.set(field.name, name);
    if (!this.places.has(at)) this.places.set(at, { line: name.line, column: name.column });
    const colon = this.#lexer.takeSymbol(':');
    if (!colon && !holdsMessages(field))
      throw new PbtxtError(this.#lexer.token, `${quote(':')} is missing after ${quote(field.name)}`);
    if (!repeated) {
      this.#readSingular(into, field, at, depth);
      return;
    }
    if (!this.#lexer.takeSymbol('[')) {
      this.#readElement(into, field, at, depth);
      return;
    }
    if (this.#lexer.takeSymbol(']')) return;
    do this.#readElement(into, field, at, depth);
    while (this.#lexer.takeSymbol(','));
    const end = this.#lexer.token;
    if (!this.#lexer.takeSymbol(']'))
      throw new PbtxtError(
        end,
        `${shown(end)} where ${quote(',')} or ${quote(']')} is due, of ${quote(field.name)}`,
      );
  }

  #readSingular(into: ReflectMessage, field: DescField, path: string, depth: number): void {
    if (this.#lexer.isSymbol('['))
      throw new PbtxtError(this.#lexer.token, `a list where ${quote(field.name)} wants one value`);
    if (field.fieldKind === 'message')
      into.set(field, this.#readMessage(field.name, field.message, path, depth));
    else if (field.fieldKind === 'enum') into.set(field, readEnum(this.#lexer, field.name, field.enum));
    else if (field.fieldKind === 'scalar') into.set(field, readScalar(this.#lexer, field.name, field.scalar));
  }

  /** One element of a list, or one entry of a map. */
  #readElement(into: ReflectMessage, field: DescField, path: string, depth: number): void {
    this.#count(this.#lexer.token);
    if (field.fieldKind === 'map') {
      this.#readEntry(into, field, path, depth);
      return;
    }
    if (field.fieldKind !== 'list') return;
    const list = into.get(field);
    const at = `${path}[${list.size}]`;
    const { line, column } = this.#lexer.token;
    this.places.set(at, { line, column });
    if (field.listKind === 'message') list.add(this.#readMessage(field.name, field.message, at, depth));
    else if (field.listKind === 'enum') list.add(readEnum(this.#lexer, field.name, field.enum));
    else list.add(readScalar(this.#lexer, field.name, field.scalar));
  }

  #readEntry(
    into: ReflectMessage,
    field: DescField & { fieldKind: 'map' },
    path: string,
    depth: number,
  ): void {
    const lexer = this.#lexer;
    const start = lexer.token;
    const close = this.#open(field.name, depth);
    let key: Scalar | undefined;
    let value: unknown;
    while (!lexer.isSymbol(close)) {
      const name = lexer.take();
      if (name.kind !== 'word' || (name.text !== 'key' && name.text !== 'value'))
        throw new PbtxtError(
          name,
          `${shown(name)} in an entry of ${quote(field.name)}: wanted key and value`,
        );
      if ((name.text === 'key' ? key : value) !== undefined)
        throw new PbtxtError(name, `${quote(name.text)} is given twice in an entry of ${quote(field.name)}`);
      const isMessage = name.text === 'value' && field.mapKind === 'message';
      if (!lexer.takeSymbol(':') && !isMessage)
        throw new PbtxtError(lexer.token, `${quote(':')} is missing after ${quote(name.text)}`);
      if (name.text === 'key') key = readScalar(lexer, `${field.name}.key`, field.mapKey);
      else value = this.#readMapValue(field, `${path}[${String(key ?? '')}]`, depth + 1);
      if (!lexer.takeSymbol(',')) lexer.takeSymbol(';');
    }
    lexer.take();
    const map = into.get(field);
    // An absent half stands for its type's empty value, as in protobuf.
    key ??= emptyOf(field.mapKey);
    // The one key that a JavaScript object would not keep.
    if (key === '__proto__')
      throw new PbtxtError(start, `key ${quote(key)} is not taken in ${quote(field.name)}`);
    if (map.has(key as string))
      throw new PbtxtError(start, `key ${quote(String(key))} is given twice in ${quote(field.name)}`);
    value ??= this.#emptyMapValue(field);
    map.set(key as string, value as never);
    this.places.set(`${path}[${String(key)}]`, { line: start.line, column: start.column });
  }

  #readMapValue(field: DescField & { fieldKind: 'map' }, path: string, depth: number): unknown {
    const name = `${field.name}.value`;
    if (field.mapKind === 'message') return this.#readMessage(name, field.message, path, depth);
    if (field.mapKind === 'enum') return readEnum(this.#lexer, name, field.enum);
    return readScalar(this.#lexer, name, field.scalar);
  }

  #emptyMapValue(field: DescField & { fieldKind: 'map' }): unknown {
    if (field.mapKind === 'message') return reflect(field.message);
    return field.mapKind === 'enum' ? 0 : emptyOf(field.scalar);
  }

  #readMessage(name: string, desc: DescMessage, path: string, depth: number): ReflectMessage {
    const close = this.#open(name, depth);
    const message = reflect(desc);
    this.readFields(message, path, close, depth + 1);
    return message;
  }

  /** Reads the bracket that opens a message; returns the one that closes it. */
  #open(name: string, depth: number): '}' | '>' {
    const token = this.#lexer.token;
    if (depth >= MAX_DEPTH) throw new PbtxtError(token, `messages nested deeper than ${MAX_DEPTH}`);
    if (this.#lexer.takeSymbol('{')) return '}';
    if (this.#lexer.takeSymbol('<')) return '>';
    throw new PbtxtError(token, `${shown(token)} where ${quote(name)} wants a message: {…}`);
  }
}

function fieldOf(desc: DescMessage, name: Token): DescField {
  if (name.kind === 'symbol' && name.text === '[')
    throw new PbtxtError(name, `extensions ([…]) are not fields of ${nameOf(desc)}`);
  if (name.kind !== 'word')
    throw new PbtxtError(name, `${shown(name)} where the name of a field of ${nameOf(desc)} is due`);
  const field = desc.fields.find((candidate) => candidate.name === name.text);
  if (field !== undefined) return field;
  const near = nearest(
    name.text,
    desc.fields.map((candidate) => candidate.name),
  );
  const hint = near === undefined ? '' : `: did you mean ${quote(near)}?`;
  throw new PbtxtError(name, `unknown field ${quote(name.text)} in ${nameOf(desc)}${hint}`);
}

/** A field that is not repeated is given once, and of a oneof one field. */
function refuseSecond(
  into: ReflectMessage,
  field: DescField,
  name: Token,
  given: ReadonlyMap<string, Token>,
): void {
  const first = (of: string): string => {
    const { line, column } = given.get(of) ?? name;
    return `first at ${line}:${column}`;
  };
  if (given.has(field.name))
    throw new PbtxtError(name, `field ${quote(field.name)} is given twice: ${first(field.name)}`);
  const other = field.oneof && into.oneofCase(field.oneof);
  if (other !== undefined)
    throw new PbtxtError(
      name,
      `field ${quote(field.name)} excludes ${quote(other.name)}, of which only one may be given: ${first(other.name)}`,
    );
}

function holdsMessages(field: DescField): boolean {
  if (field.fieldKind === 'list') return field.listKind === 'message';
  return field.fieldKind === 'message' || field.fieldKind === 'map';
}

function emptyOf(type: ScalarType): Scalar {
  if (type === ScalarType.STRING) return '';
  if (type === ScalarType.BOOL) return false;
  if (type === ScalarType.BYTES) return new Uint8Array(0);
  const wide = [
    ScalarType.INT64,
    ScalarType.UINT64,
    ScalarType.SINT64,
    ScalarType.FIXED64,
    ScalarType.SFIXED64,
  ];
  return wide.includes(type) ? 0n : 0;
}

function nameOf(desc: DescMessage): string {
  return desc.typeName.slice(desc.typeName.lastIndexOf('.') + 1);
}

function shown(token: Token): string {
  return token.kind === 'end' ? 'the end of the text' : quote(token.text);
}
