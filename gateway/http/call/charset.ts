import { quote } from '../../core/error.js';
import { HttpFault } from './http-fault.js';

/** JSON is UTF-8 (RFC 8259), and so is all else that is read here. */
export function charsetFault(contentType = ''): HttpFault | undefined {
  if (!contentType.includes(';')) return undefined;
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1];
  if (charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset)) return undefined;
  return new HttpFault(415, `charset ${quote(charset, 40)} is not known: wanted UTF-8`);
}
