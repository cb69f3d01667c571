import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openMetricsNumber } from '../../../gateway/telemetry/open-metrics-number.js';
import { pageFormat } from '../../../gateway/telemetry/page-format.js';

const ROWS: readonly [says: string, accept: string | undefined, wanted: string][] = [
  ['who says nothing gets text', undefined, 'text'],
  ['and so does who says as much', '', 'text'],
  ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'text'],
  ['curl', '*/*', 'text'],
  [
    'Prometheus 2',
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'openmetrics',
  ],
  [
    'Prometheus 3, which likes to hear UTF-8 in names, too',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  [
    'Prometheus that was told to prefer text',
    'text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.2',
    'text',
  ],
  [
    'OpenMetrics alone, in any case and with spaces',
    'Application/OpenMetrics-Text ; Version="1.0.0"',
    'openmetrics',
  ],
  ['what is liked as much as text', 'text/plain, application/openmetrics-text', 'openmetrics'],
  ['what is liked less than anything', '*/*, application/openmetrics-text;q=0.9', 'text'],
  ['only an older version', 'application/openmetrics-text;version=0.0.1', 'text'],
  ['what is not wanted', 'application/openmetrics-text;q=0', 'text'],
  ['what is wanted by nonsense', 'application/openmetrics-text;q=banana', 'text'],
  ['a list without end', `${'x/y,'.repeat(4000)}application/openmetrics-text`, 'text'],
];
for (const [says, accept, wanted] of ROWS)
  test(`the format of the page: ${says}`, () => assert.equal(pageFormat(accept), wanted));

test('bounds of buckets are written as Prometheus writes them', () => {
  const rows: readonly [number, string][] = [
    [1, '1.0'],
    [0, '0.0'],
    [2.5, '2.5'],
    [0.0001, '0.0001'],
    [0.00025, '0.00025'],
    [0.000005, '5e-06'],
    [0.00001, '1e-05'],
    [1e-10, '1e-10'],
    [600, '600.0'],
    [262_144, '262144.0'],
    [1_048_576, '1.048576e+06'],
    [67_108_864, '6.7108864e+07'],
  ];
  for (const [value, wanted] of rows) assert.equal(openMetricsNumber(value), wanted);
});
