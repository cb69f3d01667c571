/**
 * Why a batch was closed as it was: it had all the rows that it may have; as many as bring anything; a smaller one saved a deadline; a
 * worker was free and nothing else waited; it had a preferred size; it had waited for its model's delay; or it is part of one that was rejected.
 */
export type CloseReason = 'full' | 'knee' | 'deadline' | 'idle' | 'preferred' | 'delay' | 'again';
