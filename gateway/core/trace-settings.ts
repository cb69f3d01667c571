/** How requests are to be traced, in Triton's terms. */
export interface TraceSettings {
  /** What a trace tells; empty for no traces. */
  readonly level: readonly TraceLevel[];
  /** One request in so many is traced. */
  readonly rate: number;
  /** How many traces are still to be made; -1 for no end. */
  readonly count: number;
  /** After how many traces they are written; 0 for at the end. */
  readonly logFrequency: number;
  readonly mode: TraceMode;
}

export type TraceLevel = 'TIMESTAMPS' | 'TENSORS';
export type TraceMode = 'triton' | 'opentelemetry';

/** Settings to change; `undefined` clears one. What is absent stays. */
export type TraceChange = { readonly [K in keyof TraceSettings]?: TraceSettings[K] | undefined };

/** Where trace settings are kept; `model` is undefined for those of the whole server. */
export interface TraceControl {
  /** What is in force. */
  read(model: string | undefined): TraceSettings;
  change(model: string | undefined, change: TraceChange): void;
}
