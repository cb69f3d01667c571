import type { api, metrics as sdk } from '@opentelemetry/sdk-node';
import type { Buckets } from '../buckets.js';
import type { CollectedMetric, Sample } from '../exposition.js';
import type { MetricSpec } from '../metric-spec.js';

type HrTime = api.HrTime;

/** How OpenTelemetry writes units: those of UCUM, and in braces what is counted. */
const UNITS: Readonly<Record<MetricSpec['unit'], string>> = {
  seconds: 's',
  microseconds: 'us',
  bytes: 'By',
  rows: '{row}',
  '1': '1',
};

/** DataPointType, AggregationTemporality and ValueType of the SDK, which is not loaded for five numbers. */
const HISTOGRAM = 0 as sdk.DataPointType.HISTOGRAM;
const GAUGE = 2 as sdk.DataPointType.GAUGE;
const SUM = 3 as sdk.DataPointType.SUM;
const CUMULATIVE = 1 as sdk.AggregationTemporality;
const DOUBLE = 1 as api.ValueType;

/**
 * The metrics as of now, in the form that exporters take: named as on the page, cumulative since `startTime`. What has no series is
 * left out.
 */
export function metricData(
  metrics: readonly CollectedMetric[],
  startTime: HrTime,
  endTime: HrTime,
): sdk.MetricData[] {
  return metrics.flatMap(({ name, spec, collect }) => {
    const data = dataOf(name, spec, collect(), { startTime, endTime });
    return data.dataPoints.length === 0 ? [] : [data];
  });
}

function dataOf(
  name: string,
  { type, unit, help }: MetricSpec,
  samples: readonly Sample[],
  time: { readonly startTime: HrTime; readonly endTime: HrTime },
): sdk.MetricData {
  const common = {
    descriptor: { name, description: help, unit: UNITS[unit], valueType: DOUBLE },
    aggregationTemporality: CUMULATIVE,
  };
  if (type === 'histogram') {
    const dataPoints = samples.flatMap(({ labels, buckets }) =>
      // A series that nothing was added to would only take up room.
      buckets === undefined || buckets.count === 0
        ? []
        : [{ ...time, attributes: { ...labels }, value: histogramOf(buckets) }],
    );
    return { ...common, dataPointType: HISTOGRAM, dataPoints };
  }
  const dataPoints = samples.map(({ labels, value = 0 }) => ({ ...time, attributes: { ...labels }, value }));
  if (type === 'gauge') return { ...common, dataPointType: GAUGE, dataPoints };
  return { ...common, dataPointType: SUM, isMonotonic: true, dataPoints };
}

function histogramOf({ bounds, counts, sum, count }: Buckets): sdk.Histogram {
  return { buckets: { boundaries: [...bounds], counts: [...counts] }, sum, count };
}
