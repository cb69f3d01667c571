/** What an Alarm and its thread share. */
export interface AlarmFields {
  /** One more with each setting; the thread sleeps on it. */
  readonly setting: Int32Array;
  /** The instant set, on the clock of the harness. Written before `setting`: a reader who sees the same setting before and after has the right one. */
  readonly atMs: Float64Array;
}

export const ALARM_BYTES = 16;

export function alarmFields(memory: SharedArrayBuffer): AlarmFields {
  return { setting: new Int32Array(memory, 0, 1), atMs: new Float64Array(memory, 8, 1) };
}
