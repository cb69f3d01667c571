/** The environment variable that tells a server process that it is supervised; it is not a setting, and goes no further. */
export const MARKER = 'SLUICE_SUPERVISED_BY';

/** The signals that ask a server to stop. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

export type StopSignal = (typeof STOP_SIGNALS)[number];

/** From the supervisor: it was asked to stop the server by this signal. */
export interface StopMessage {
  readonly stop: StopSignal;
}

/** From the server: how far it has come. */
export interface ProgressMessage {
  readonly progress: 'listening' | 'serving';
}
