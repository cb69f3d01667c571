import { createHash, timingSafeEqual } from 'node:crypto';
import type { Identity } from './authorize.js';

/** A longer one is no token of anybody, and is not worth hashing. */
const MAX_TOKEN_CHARS = 1024;
/** Bytes of the hash by which an entry is found; all of them are compared then. */
const KEY_BYTES = 8;
/** `Bearer` in any case, one or more blanks, and a token68 of RFC 9110, section 11.2. */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;

interface Entry {
  readonly hash: Buffer;
  readonly identity: Identity;
}

/**
 * The tokens that are known, by their SHA-256 hashes: the tokens themselves are nowhere. How long a look-up takes tells of the
 * hash at most, from which no token can be guessed.
 */
export class TokenTable {
  readonly #entries = new Map<string, Entry>();

  /** False where the hash is there already. */
  add(hash: Buffer, identity: Identity): boolean {
    const key = keyOf(hash);
    if (this.#entries.has(key)) return false;
    this.#entries.set(key, { hash, identity });
    return true;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whose token stands in a header `authorization: Bearer <token>`; undefined where it is nobody's. */
  identify(authorization: string | undefined): Identity | undefined {
    if (authorization === undefined || authorization.length > MAX_TOKEN_CHARS) return undefined;
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return undefined;
    const hash = createHash('sha256').update(token).digest();
    const entry = this.#entries.get(keyOf(hash));
    return entry !== undefined && timingSafeEqual(entry.hash, hash) ? entry.identity : undefined;
  }
}

function keyOf(hash: Buffer): string {
  return hash.toString('latin1', 0, KEY_BYTES);
}
