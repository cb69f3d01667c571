/** What is shipped to watch the server with: it asks for metrics that exist, and leads to pages that do. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../../gateway/config/load.js';
import { METRICS } from '../../../gateway/telemetry/metric-table.js';
import { repositoryRoot } from '../../support/server-process.js';

const read = (path: string): string => readFileSync(join(repositoryRoot, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly query: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const alerts = (): Rule[] =>
  (parse(read('deploy/prometheus/alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
    ({ rules }) => rules,
  );

/** Metrics of ours in an expression, each with the labels that it is asked for. */
function asked(expr: string): [name: string, labels: string[]][] {
  return [...expr.matchAll(/\b(sluice_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', labels = '']) => [
    name.replace(/_(?:bucket|sum|count)$/, ''),
    [...labels.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label as string),
  ]);
}

function assertKnown(expr: string): void {
  const found = asked(expr);
  assert.ok(found.length > 0, expr);
  for (const [name, labels] of found) {
    const spec = (METRICS as Readonly<Record<string, { readonly labels?: readonly string[] }>>)[name];
    assert.ok(spec !== undefined, `${name} is no metric of the server: ${expr}`);
    const known = ['job', 'instance', 'le', ...(spec.labels ?? [])];
    for (const label of labels) assert.ok(known.includes(label), `${name} has no label ${label}: ${expr}`);
  }
}

test('every alert asks for metrics and labels that exist, and leads to its section', () => {
  const page = read('docs/OPERATIONS.md');
  const rules = alerts();
  assert.ok(rules.length >= 12);
  for (const { alert, expr, labels, annotations } of rules) {
    if (!/^up\b/.test(expr)) assertKnown(expr);
    assert.match(labels.severity, /^(?:page|ticket)$/);
    assert.equal(annotations.runbook, `docs/OPERATIONS.md#${alert.toLowerCase()}`);
    assert.ok(page.includes(`### ${alert}\n`), `docs/OPERATIONS.md has no section ${alert}`);
  }
});

test('every alert is fired, or kept from it, by a test of the rules, or asks for one thing only', () => {
  const tested = new Set(
    [...read('deploy/prometheus/alerts.test.yml').matchAll(/alertname: (\w+)/g)].map(([, name]) => name),
  );
  assert.ok(tested.size >= 7, [...tested].join());
  for (const name of tested)
    assert.ok(
      alerts().some(({ alert }) => alert === name),
      name,
    );
});

test('every panel of the dashboard asks for metrics and labels that exist', () => {
  const { panels, templating, annotations } = JSON.parse(
    read('deploy/grafana/dashboards/sluice.json'),
  ) as Dashboard;
  assert.ok(panels.length >= 10);
  for (const { expr } of [...panels.flatMap(({ targets }) => targets), ...annotations.list])
    assertKnown(expr);
  for (const { query } of templating.list) assertKnown(query);
});

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[];
}

test('docker-compose.yml: pinned images, files that exist, ports on loopback only, the ports that the image names', () => {
  const { services, volumes } = parse(read('docker-compose.yml')) as {
    services: Record<string, Service>;
    volumes: Record<string, object>;
  };
  assert.deepEqual(Object.keys(services).sort(), ['collector', 'grafana', 'jaeger', 'prometheus', 'sluice']);
  for (const [name, service] of Object.entries(services)) {
    assert.ok(
      service.build === '.' || /^[\w./-]+:v?\d+\.\d+\.\d+$/.test(service.image ?? ''),
      `${name}: ${service.image}`,
    );
    for (const volume of service.volumes ?? []) {
      const [from = ''] = volume.split(':');
      if (from.startsWith('./')) {
        assert.ok(existsSync(join(repositoryRoot, from)), volume);
        assert.ok(volume.endsWith(':ro'), volume);
      } else assert.ok(from in volumes, volume);
    }
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
    for (const other of service.depends_on ?? []) assert.ok(other in services, other);
  }
  const exposed = /^EXPOSE (.*)$/m.exec(read('Dockerfile'))?.[1]?.split(' ');
  assert.deepEqual(
    services['sluice']?.ports?.map((port) => port.split(':')[2]),
    exposed,
  );
  // Who is scraped, and who is sent to, are services of the file.
  assert.match(read('deploy/prometheus/prometheus.yml'), /targets: \[sluice:8002\]/);
  assert.match(read('deploy/collector/config.yaml'), /endpoint: jaeger:4317/);
  assert.match(
    read('deploy/grafana/provisioning/datasources/prometheus.yaml'),
    /url: http:\/\/prometheus:9090/,
  );
});

test('the collector’s pipelines are made of what it defines', () => {
  interface Config {
    readonly service: {
      readonly pipelines: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
    };
  }
  const config = parse(read('deploy/collector/config.yaml')) as Config &
    Readonly<Record<string, Record<string, object>>>;
  for (const pipeline of Object.values(config.service.pipelines))
    for (const [kind, names] of Object.entries(pipeline))
      for (const name of names) assert.ok(name in (config[kind] as object), `${kind}: ${name}`);
});

test('the Kubernetes manifest: probes that are served, settings that exist, a grace period longer than the drain', () => {
  const [deployment] = parseAllDocuments(read('deploy/kubernetes/sluice.yaml')).map(
    (document) => document.toJS() as { spec: { template: { spec: Pod } } },
  );
  interface Pod {
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly {
      readonly env: readonly { readonly name: string; readonly value: string }[];
      readonly startupProbe: { readonly httpGet: { readonly path: string } };
      readonly readinessProbe: { readonly httpGet: { readonly path: string } };
      readonly livenessProbe: { readonly httpGet: { readonly path: string } };
    }[];
  }
  const pod = deployment?.spec.template.spec as Pod;
  const [container] = pod.containers;
  assert.ok(container !== undefined);
  const env = Object.fromEntries(container.env.map(({ name, value }) => [name, value]));
  const { config, warnings } = loadConfig({ argv: [], env, cwd: '/' });
  assert.deepEqual(warnings, []);
  const { drainDelayMs, exitTimeoutSecs } = config.server;
  assert.deepEqual([drainDelayMs, exitTimeoutSecs], [5000, 30]);
  assert.ok(pod.terminationGracePeriodSeconds * 1000 > drainDelayMs + exitTimeoutSecs * 1000);
  assert.equal(container.startupProbe.httpGet.path, '/readyz');
  assert.equal(container.readinessProbe.httpGet.path, '/readyz');
  assert.equal(container.livenessProbe.httpGet.path, '/livez');
});
