import type { Target } from './contract.js';
import { parseDuration } from './ranges.js';

/** Flags as the command line gave them, by camel-case name. */
export type RawFlags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Reads flags one by one and collects what is wrong with them: flag, given, wanted. */
export class FlagReader {
  readonly problems: string[] = [];
  readonly #flags: RawFlags;

  constructor(flags: RawFlags) {
    this.#flags = flags;
  }

  has(name: string): boolean {
    return this.#flags[name] !== undefined;
  }

  fault(problem: string): void {
    this.problems.push(problem);
  }

  text(name: string): string | undefined {
    const value = this.#flags[name];
    return typeof value === 'string' ? value : undefined;
  }

  /** All values of a flag that may be repeated. */
  texts(name: string): readonly string[] {
    const value = this.#flags[name];
    if (typeof value === 'string') return [value];
    return Array.isArray(value) ? (value as readonly string[]) : [];
  }

  parsed<T>(name: string, parse: (text: string) => T | undefined, wanted: string): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) this.#refuse(name, text, wanted);
    return value;
  }

  each<T>(name: string, parse: (text: string) => T | undefined, wanted: string): T[] {
    return this.texts(name).flatMap((text) => {
      const value = parse(text);
      if (value === undefined) this.#refuse(name, text, wanted);
      return value === undefined ? [] : [value];
    });
  }

  duration(name: string, { zero = false } = {}): number | undefined {
    return this.parsed(
      name,
      (text) => {
        const value = parseDuration(text) ?? (zero && text === '0' ? 0 : undefined);
        return value === undefined || (value === 0 && !zero) ? undefined : value;
      },
      'a time with its unit, e.g. 10s or 500ms',
    );
  }

  integer(name: string, min = 1, max = Number.MAX_SAFE_INTEGER): number | undefined {
    const upTo = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`;
    return this.parsed(
      name,
      (text) => (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
      `an integer from ${min}${upTo}`,
    );
  }

  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    return this.parsed(
      name,
      (text) => choices.find((choice) => choice === text),
      `one of ${choices.join(', ')}`,
    );
  }

  target(name: string): Target | undefined {
    return this.parsed(name, parseTarget, 'host:port of a server without TLS, e.g. localhost:8001');
  }

  #refuse(name: string, given: string, wanted: string): void {
    this.fault(`${flagName(name)} is "${given}"; wanted ${wanted}`);
  }
}

/** `maxCalls` as `--max-calls`. */
export function flagName(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function parseTarget(text: string): Target | undefined {
  const [, host, port = '8001'] = /^(\[[0-9a-f:.]+\]|[^:/\s]+)(?::(\d{1,5}))?$/i.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}
