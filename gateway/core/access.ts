import type { GatewayError } from './error.js';

/** What a method does, and so what a caller must be allowed to. */
export type MethodClass =
  /** Says whether the server lives: probes ask it, and have no token. */
  | 'open'
  /** Tells of the models and of the server's load. */
  | 'reads'
  | 'infers'
  /** Changes what is served, or how; or nobody has said what it does. */
  | 'changes';

/** A call or a request as its headers tell of it; nothing of its body. */
export interface Knock {
  readonly kind: MethodClass;
  /** The value of `authorization`; undefined where there is none, or more than one. */
  readonly authorization: string | undefined;
  /** For the audit: the method, and who asks. Never a query string. */
  readonly path: string;
  readonly peer: string;
}

/** Decides by its headers whether a call may go on. */
export interface Guard {
  /** Undefined where it may; else the one fixed error of its kind, UNAUTHENTICATED or PERMISSION_DENIED. */
  check(knock: Knock): GatewayError | undefined;
  /** The name of the token, for the audit; undefined where it is nobody's. */
  nameOf(authorization: string | undefined): string | undefined;
}

/** A call that has changed the server, or has tried to. */
export interface ChangeLine {
  /** The token's name; undefined where none was asked for. */
  readonly token: string | undefined;
  readonly path: string;
  readonly peer: string;
  /** Of the request what says what was to be changed: names, versions, the keys of settings. No values of settings, no files. */
  readonly what: Readonly<Record<string, unknown>>;
  /** `OK`, or the error's code. */
  readonly outcome: string;
}

/** Keeps who has changed what. */
export interface ChangeLog {
  changed(line: ChangeLine): void;
}
