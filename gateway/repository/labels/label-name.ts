/** The rule of `isLabel`, for messages. */
export const LABEL_RULE = '1 to 63 of A-Z a-z 0-9 . _ -, beginning with a letter';

/** Whether this can be a label: it begins with a letter, so that none looks like a version. */
export function isLabel(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9._-]{0,62}$/.test(text);
}
