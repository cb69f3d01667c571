import { createHash } from 'node:crypto';
import { quote } from '../../core/error.js';
import type { Signature, TensorSpec } from '../../core/model.js';

/** Most differences that are told, and longest text of them. */
const MAX_TOLD = 5;
const MAX_CHARS = 600;

const digests = new WeakMap<Signature, string>();

/**
 * A digest of what clients depend on: names, datatypes, shapes and class labels, in whatever order the tensors stand. Two signatures
 * have the same one exactly where `signatureDifference` finds nothing.
 */
export function signatureDigest(signature: Signature): string {
  const known = digests.get(signature);
  if (known !== undefined) return known;
  const facts = [signature.inputs, signature.outputs].map((specs) =>
    specs.map(({ name, datatype, shape, labels }) => [name, datatype, shape, labels ?? []]).sort(byName),
  );
  const digest = createHash('sha256').update(JSON.stringify(facts)).digest('base64url');
  digests.set(signature, digest);
  return digest;
}

/** In words, how a signature differs from the former one for clients; `''` where it does not. Pure. */
export function signatureDifference(former: Signature, signature: Signature): string {
  const found = [
    ...differences('input', former.inputs, signature.inputs),
    ...differences('output', former.outputs, signature.outputs),
  ];
  const more = found.length - MAX_TOLD;
  const told = found.slice(0, MAX_TOLD).join('; ') + (more > 0 ? `; and ${more} more` : '');
  return told.length > MAX_CHARS ? `${told.slice(0, MAX_CHARS)}…` : told;
}

function differences(role: string, former: readonly TensorSpec[], now: readonly TensorSpec[]): string[] {
  const found: string[] = [];
  for (const spec of former)
    if (!now.some(({ name }) => name === spec.name)) found.push(`${role} ${inWords(spec)} is gone`);
  for (const spec of now) {
    const was = former.find(({ name }) => name === spec.name);
    if (was === undefined) found.push(`${role} ${inWords(spec)} is new`);
    else if (shapeInWords(was) !== shapeInWords(spec))
      found.push(`${role} ${quote(spec.name, 80)}: ${shapeInWords(was)} -> ${shapeInWords(spec)}`);
    else found.push(...classDifference(role, was, spec));
  }
  return found;
}

function classDifference(role: string, was: TensorSpec, now: TensorSpec): string[] {
  const [before, after] = [was.labels ?? [], now.labels ?? []];
  const at = before.findIndex((label, i) => label !== after[i]);
  if (at === -1 && before.length === after.length) return [];
  const subject = `${role} ${quote(now.name, 80)}: `;
  if (before.length !== after.length) return [`${subject}${before.length} classes -> ${after.length}`];
  return [`${subject}class ${at} ${quote(before[at] ?? '', 40)} -> ${quote(after[at] ?? '', 40)}`];
}

function inWords(spec: TensorSpec): string {
  return `${quote(spec.name, 80)} (${shapeInWords(spec)})`;
}

function shapeInWords({ datatype, shape }: TensorSpec): string {
  return `${datatype} [${shape.join(', ')}]`;
}

function byName(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}
