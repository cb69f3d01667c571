/** Prometheus and promtool: the rules, both forms of the metrics page, and a real server that scrapes a real one. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/side-by-side/peers/start-process.js';
import { createClient } from '../../client/client.js';
import { repositoryRoot } from '../support/server-process.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';
import { findTool, runTool } from './tools.js';

test('promtool: the alert rules are valid, and their tests hold', async (t) => {
  const promtool = findTool(t, 'promtool');
  if (promtool === undefined) return;
  for (const args of [
    ['check', 'config', '--syntax-only', 'deploy/prometheus/prometheus.yml'],
    ['check', 'rules', 'deploy/prometheus/alerts.yml'],
    ['test', 'rules', 'deploy/prometheus/alerts.test.yml'],
  ]) {
    const { code, stdout, stderr } = await runTool(promtool, args);
    assert.equal(code, 0, `${args.join(' ')}\n${stdout}${stderr}`);
  }
});

async function served(t: TestContext) {
  const running = await useGateway(t, {
    modelRepository: [EXAMPLES],
    workers: { count: 1 },
    metrics: { compat: 'triton' },
  });
  const client = createClient({ address: running.address });
  t.after(() => client.close());
  for (let i = 0; i < 5; i++) await client.model('iris').predict({ X: [[5.1, 3.5, 1.4, 0.2]] });
  await client
    .model('iris')
    .predict({ X: [[1]] })
    .catch(() => {});
  return running;
}

test('promtool check metrics: nothing to complain of but names that are Triton’s', async (t) => {
  const promtool = findTool(t, 'promtool');
  if (promtool === undefined) return;
  const { metricsPort } = await served(t);
  const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
    input: page,
    encoding: 'utf8',
  });
  const complaints = (stdout + stderr).split('\n').filter((line) => line !== '' && !line.startsWith('nv_'));
  assert.deepEqual(complaints, [], page.slice(0, 2000));
  assert.ok(status === 0 || status === 3, `exit code ${status}`);
});

test('a real Prometheus scrapes the metrics port and evaluates the rules', async (t) => {
  const prometheus = findTool(t, 'prometheus');
  if (prometheus === undefined) return;
  const { metricsPort } = await served(t);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(repositoryRoot, 'deploy/prometheus/alerts.yml')],
    scrape_configs: [{ job_name: 'sluice', static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] }],
  };
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const port = await freePort();
  const child = spawn(
    prometheus,
    [
      ...['--config.file', join(folder, 'prometheus.yml'), '--storage.tsdb.path', join(folder, 'data')],
      ...['--web.listen-address', `127.0.0.1:${port}`, '--enable-feature=exemplar-storage'],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  t.after(async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  const ask = async (path: string): Promise<{ readonly data: never } | undefined> => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2000) });
      return answer.ok ? ((await answer.json()) as { data: never }) : undefined;
    } catch {
      return undefined;
    }
  };
  const value = async (query: string): Promise<number | undefined> => {
    const found = await ask(`/api/v1/query?query=${encodeURIComponent(query)}`);
    const [first] = (found?.data as { result?: { value: [number, string] }[] } | undefined)?.result ?? [];
    return first === undefined ? undefined : Number(first.value[1]);
  };
  const end = performance.now() + 40_000;
  const wanted = 'sluice_requests_total{model="iris",code="OK"}';
  while ((await value(wanted)) !== 5) {
    assert.ok(performance.now() < end, `${await value(wanted)}\n${said.slice(-2000)}`);
    await sleep(200);
  }
  assert.equal(await value('up{job="sluice"}'), 1);
  assert.equal(await value('sluice_ready'), 1);
  assert.equal(await value('nv_inference_request_success{model="iris"}'), 5);
  assert.ok(
    ((await value('histogram_quantile(0.99, sum by (le) (sluice_request_duration_seconds_bucket))')) ?? 0) >
      0,
  );
  interface Groups {
    readonly groups: {
      readonly rules: { readonly name: string; readonly health: string; readonly state: string }[];
    }[];
  }
  const told = (await ask('/api/v1/rules'))?.data as Groups | undefined;
  const rules = (told?.groups ?? []).flatMap((group) => group.rules);
  assert.ok(rules.length >= 12);
  for (const { name, health, state } of rules)
    assert.ok(['ok', 'unknown'].includes(health) && state !== 'firing', `${name} ${health} ${state}`);
});
