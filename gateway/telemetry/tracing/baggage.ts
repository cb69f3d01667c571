/** What W3C's Baggage allows at most: www.w3.org/TR/baggage. */
const MAX_BAGGAGE_CHARS = 8192;
const MAX_MEMBERS = 180;
const KEY = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * Values of the wanted keys in a call's `baggage` header. Members that are malformed are left out, and a list that is too long
 * as a whole. Never throws.
 *
 * @param fields names, in lower case, and values in turn
 */
export function readBaggage(
  fields: readonly string[],
  wanted: readonly string[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  if (wanted.length === 0) return found;
  for (const member of membersOf(fields)) {
    const [pair = ''] = member.split(';', 1);
    const at = pair.indexOf('=');
    const key = pair.slice(0, Math.max(0, at)).trim();
    if (!KEY.test(key) || !wanted.includes(key) || found.has(key)) continue;
    const value = decoded(pair.slice(at + 1).trim());
    if (value !== undefined) found.set(key, value);
  }
  return found;
}

function membersOf(fields: readonly string[]): readonly string[] {
  const lists: string[] = [];
  let chars = 0;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== 'baggage') continue;
    const value = fields[i + 1] as string;
    chars += value.length;
    lists.push(value);
  }
  return chars > MAX_BAGGAGE_CHARS ? [] : lists.join(',').split(',', MAX_MEMBERS);
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
