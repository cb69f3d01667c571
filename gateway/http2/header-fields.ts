/** What HTTP/2 allows in header fields (RFC 9113, section 8.2), as tables by character code. */

const NAME_CHARS = allowed("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz");

function allowed(chars: string): readonly boolean[] {
  return Array.from({ length: 256 }, (_, code) => chars.includes(String.fromCharCode(code)));
}

/** A token in lower case, or the name of a pseudo-header. */
export function isFieldName(name: string): boolean {
  const start = name.charCodeAt(0) === 0x3a ? 1 : 0;
  if (name.length === start) return false;
  for (let i = start; i < name.length; i++) if (NAME_CHARS[name.charCodeAt(i)] !== true) return false;
  return true;
}

/** No NUL, CR or LF anywhere, no blank at either end. */
export function isFieldValue(value: string): boolean {
  const { length } = value;
  if (length === 0) return true;
  if (isBlank(value.charCodeAt(0)) || isBlank(value.charCodeAt(length - 1))) return false;
  for (let i = 0; i < length; i++) {
    const code = value.charCodeAt(i);
    if (code === 0 || code === 10 || code === 13) return false;
  }
  return true;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Fields that belong to one connection of HTTP/1; `te` may only say "trailers". */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** A request's pseudo-headers; a request without all of the first three is malformed. */
export interface RequestLine {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** As given; undefined where it was not. */
  readonly contentLength: number | undefined;
}

/**
 * Checks a request's fields and finds those that every request has (section 8.3). Undefined when it is malformed: a pseudo-header
 * that is unknown, missing, doubled or behind an ordinary field, or a field of HTTP/1 connections.
 */
export function requestLine(fields: readonly string[]): RequestLine | undefined {
  let method: string | undefined;
  let scheme: string | undefined;
  let path: string | undefined;
  let authority: string | undefined;
  let contentLength: number | undefined;
  let pseudo = true;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (name.charCodeAt(0) !== 0x3a) {
      pseudo = false;
      if (name === 'te' ? value !== 'trailers' : CONNECTION_FIELDS.has(name)) return undefined;
      if (name === 'content-length') {
        if (!/^\d{1,15}$/.test(value)) return undefined;
        contentLength = Number(value);
      }
      continue;
    }
    if (!pseudo) return undefined;
    if (name === ':method' && method === undefined) method = value;
    else if (name === ':path' && path === undefined) path = value;
    else if (name === ':scheme' && scheme === undefined) scheme = value;
    else if (name === ':authority' && authority === undefined) authority = value;
    else return undefined;
  }
  if (method === undefined || scheme === undefined || path === undefined || path === '') return undefined;
  return { method, path, authority: authority ?? '', contentLength };
}

/** Whether trailers are legal: no pseudo-headers. */
export function areTrailers(fields: readonly string[]): boolean {
  for (let i = 0; i < fields.length; i += 2) if ((fields[i] as string).charCodeAt(0) === 0x3a) return false;
  return true;
}
