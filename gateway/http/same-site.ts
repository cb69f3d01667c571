import { isIP } from 'node:net';
import { quote } from '../core/error.js';
import { isLoopback } from '../core/loopback.js';

/** Names under which a listener may be asked, and the pages that may ask. */
export interface SiteOptions {
  /** Where it listens. */
  readonly host: string;
  /** @default [] */
  readonly allowedHosts?: readonly string[] | undefined;
  /** @default [] */
  readonly allowedOrigins?: readonly string[] | undefined;
}

/** What is wrong with where a request came from. */
export interface SiteFault {
  readonly status: 403 | 421;
  readonly error: string;
}

interface SiteHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

const OWN_NAMES = ['localhost', '127.0.0.1', '::1'];

/**
 * Checks Host and Origin of HTTP requests. A page in the browser of somebody who can reach this server shall not: neither by a
 * name that its owner made to lead here (DNS rebinding), nor by asking across sites.
 */
export class SameSite {
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  /** `all` names, those of the list and `addresses`, which nobody can make lead here, or the `list` alone. */
  readonly #others: 'all' | 'addresses' | 'none';
  /** The Host of the request before: that of the next one, nearly always. */
  #lastOwn: string | undefined;

  constructor({ host, allowedHosts = [], allowedOrigins = [] }: SiteOptions) {
    const local = isLoopback(host);
    this.#hosts = new Set(
      [...(local ? OWN_NAMES : []), host, ...allowedHosts].map((name) => name.toLowerCase()),
    );
    this.#origins = new Set(allowedOrigins.map((origin) => origin.toLowerCase()));
    if (local) this.#others = 'none';
    else this.#others = allowedHosts.length === 0 ? 'all' : 'addresses';
  }

  /** Undefined where all is well. No Host at all, as HTTP/1.0 has it, is well: browsers always send one. */
  check({ host, origin }: SiteHeaders): SiteFault | undefined {
    if (host !== undefined && !this.#isOwn(host)) {
      const error = `this server is not ${quote(host)}: it answers to its own names, and to those of http.allowedHosts (--http-allowed-hosts)`;
      return { status: 421, error };
    }
    if (origin === undefined || this.#origins.has(origin.toLowerCase()) || isSame(origin, host))
      return undefined;
    const error = `web pages of ${quote(origin)} may not ask this server: http.allowedOrigins (--http-allowed-origins) says whose may`;
    return { status: 403, error };
  }

  #isOwn(header: string): boolean {
    if (this.#others === 'all' || header === this.#lastOwn) return true;
    const name = nameIn(header);
    if (name === undefined) return false;
    const own = this.#hosts.has(name) || (this.#others === 'addresses' && isIP(name) !== 0);
    if (own) this.#lastOwn = header;
    return own;
  }
}

/** Without port, brackets and the dot at the end of a full name; undefined where it is no host. */
function nameIn(header: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+?)\.?)(?::\d{1,5})?$/i.exec(header);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

/** Whether a page of that origin was itself loaded from here; with which scheme is for a proxy in front to know. */
function isSame(origin: string, host: string | undefined): boolean {
  if (host === undefined || !/^https?:\/\//i.test(origin)) return false;
  const scheme = origin.slice(0, origin.indexOf(':')).toLowerCase();
  try {
    return new URL(origin).host === new URL(`${scheme}://${host}`).host;
  } catch {
    return false;
  }
}
