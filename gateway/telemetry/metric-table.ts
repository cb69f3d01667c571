import type { MetricSpec } from './metric-spec.js';
import { REQUEST_METRICS } from './request-metrics.js';
import { SERVER_METRICS } from './server-metrics.js';

/**
 * Every metric there is: the one table that /metrics, its help and docs/METRICS.md are made from. Prefix `sluice_`, base
 * units (seconds, bytes), as Prometheus asks.
 */
export const METRICS = { ...REQUEST_METRICS, ...SERVER_METRICS } satisfies Readonly<
  Record<string, MetricSpec>
>;

export type MetricName = keyof typeof METRICS;
/** Metrics that are read by a callback at a scrape. */
export type ReaderName = keyof typeof SERVER_METRICS;
