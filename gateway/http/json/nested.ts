/**
 * Elements as lists in lists, as deep as the shape; for no dimensions the element itself.
 * @param size elements that the shape has
 */
export function nestedLists(
  texts: readonly string[],
  shape: readonly number[],
  from: number,
  size: number,
): string {
  const [length, ...inner] = shape;
  if (length === undefined) return texts[from] ?? 'null';
  if (inner.length === 0) return `[${texts.slice(from, from + length).join()}]`;
  const each = length === 0 ? 0 : size / length;
  const parts = Array.from({ length }, (_, index) => nestedLists(texts, inner, from + index * each, each));
  return `[${parts.join()}]`;
}

/** An object of JSON texts by name. */
export function objectOf(members: readonly (readonly [name: string, json: string])[]): string {
  return `{${members.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join()}}`;
}
