/** A fault to be put into the built code, to see whether a test notices. */
export interface Bug {
  readonly name: string;
  /** Built file, from `dist/`. */
  readonly file: string;
  /** What stands there exactly once; white space counts as white space, however much. */
  readonly find: string;
  readonly replace: string;
}
