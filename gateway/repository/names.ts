/** Longest name of a model: what every file system takes as the name of a directory. */
const MODEL_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/** The rule of `isModelName`, for messages. */
export const MODEL_NAME_RULE = '1 to 255 of A-Z a-z 0-9 . _ -, beginning with a letter or a digit';

/**
 * Whether this can be the name of a model. Plain ASCII only, so that no name is a path, hides a control character, or
 * looks like another. Checked before anything else is done with a client's name.
 */
export function isModelName(name: string): boolean {
  return MODEL_NAME.test(name);
}

/**
 * The version that a directory's name (or a client's version string) stands for: a positive decimal integer without
 * leading zeros, small enough to be exact in JavaScript. Undefined for anything else (`007`, `1e3`, `-1`, 2^63, `v2`):
 * two spellings of one number would be two directories for one version.
 */
export function parseVersion(name: string): number | undefined {
  if (!/^[1-9][0-9]{0,15}$/.test(name)) return undefined;
  const version = Number(name);
  return Number.isSafeInteger(version) ? version : undefined;
}
