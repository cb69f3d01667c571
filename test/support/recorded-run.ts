import type { RecordedRun, Recorder } from '../../gateway/core/recorder.js';

/** A run of model `m`, version 1: one row of one request in 1 ms, unless told otherwise. */
export function recordedRun(of: Partial<RecordedRun> = {}): RecordedRun {
  return {
    model: 'm',
    version: 1,
    rows: 1,
    requests: 1,
    inputMs: 0,
    computeMs: 1,
    outputMs: 0,
    why: 'idle',
    ...of,
  };
}

/** Hears everything and keeps nothing. */
export const deafRecorder: Recorder = {
  request() {},
  refused() {},
  batch() {},
  retried() {},
  badOutput() {},
  loaded() {},
  workerLost() {},
  dropped() {},
};
