import { AdminClient, DEFAULT_ADMIN_ADDRESS } from '../../client/admin.js';
import { SluiceClientError } from '../../client/client.js';
import { CliError } from '../exit-code.js';
import { fetchPage, fetchText, type ScrapeTarget } from '../scrape/fetch-page.js';
import { DEFAULT_PLACE } from '../scrape/options.js';
import type { SecurityOptions } from '../security-options.js';
import { securityOf } from '../security-options.js';
import type { Diagnosis } from './doctor-text.js';
import { shellWord } from './finding.js';
import { type Ranked, rank } from './rank.js';
import { type Callers, type LatencyLine, signsOf } from './signs.js';

export interface ExamineOptions {
  readonly target: ScrapeTarget;
  /** Its admin listener. */
  readonly endpoint: string;
  readonly security: SecurityOptions;
  /** Between the two looks. */
  readonly overMs: number;
  /** Resolves after so long. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly now: () => number;
}

/** What was read, or why it could not be. */
type Read<T> = { readonly value: T } | { readonly why: string };

/**
 * Looks at a server twice and says what is the matter. Without its admin listener or its scheduler's page it says what it could not
 * look at. Rejects with a CliError where the metrics cannot be had.
 */
export async function examine(options: ExamineOptions): Promise<Diagnosis> {
  const { target, overMs, sleep, now } = options;
  const before = await fetchPage(target);
  const begun = now();
  await sleep(overMs);
  const [after, lanes, callers] = await Promise.all([
    fetchPage(target).then((page) => ({ page, at: now() })),
    readLanes(target),
    readCallers(options),
  ]);
  const seconds = (after.at - begun) / 1000;
  const signs = signsOf({
    ...{ origin: target.url.origin, before, after: after.page, seconds },
    lanes: 'value' in lanes ? lanes.value : undefined,
    callers: 'value' in callers ? callers.value : undefined,
  });
  const restarted = signs.view.seconds === undefined;
  const blind = [
    ...('why' in lanes ? [`what the scheduler has learned (${lanes.why})`] : []),
    ...('why' in callers ? [`who calls (${callers.why})`] : []),
    ...(restarted ? ['rates: the server was started anew meanwhile'] : []),
  ];
  return {
    place: target.url.host,
    seconds,
    view: signs.view,
    findings: rank(signs).map((finding) => placed(finding, options)),
    blind,
  };
}

async function readLanes(target: ScrapeTarget): Promise<Read<readonly LatencyLine[]>> {
  const url = new URL(target.url);
  url.pathname = url.pathname.replace(/metrics$/, 'scheduler');
  try {
    const { lanes } = JSON.parse(await fetchText({ ...target, url })) as { lanes?: LatencyLine[] };
    return Array.isArray(lanes) ? { value: lanes } : { why: `${url.href} answers something else` };
  } catch (error) {
    if (error instanceof CliError || error instanceof SyntaxError) return { why: error.message };
    throw error;
  }
}

async function readCallers({ endpoint, security, target }: ExamineOptions): Promise<Read<Callers>> {
  const client = new AdminClient({
    ...(await securityOf(security)),
    address: endpoint,
    deadlineMs: target.timeoutMs,
  });
  try {
    return { value: await client.callers(100) };
  } catch (error) {
    if (!(error instanceof SluiceClientError)) throw error;
    return { why: `the admin listener ${endpoint}: ${error.code}: ${error.message}` };
  } finally {
    client.close();
  }
}

/** The same with the next command told where to ask, unless that is where it asks by itself. */
function placed(finding: Ranked, { target, endpoint }: ExamineOptions): Ranked {
  const { asks, next } = finding;
  // The admin listener answers what the gRPC port does, but for inference; where that is nobody has said.
  const flags = { admin: 'endpoint', grpc: 'address', metrics: 'metrics' } as const;
  const place = asks === 'metrics' ? target.url.host : endpoint;
  const usual = asks === 'metrics' ? DEFAULT_PLACE : DEFAULT_ADMIN_ADDRESS;
  if (asks === undefined || place === usual) return finding;
  return { ...finding, next: `${next} --${flags[asks]} ${shellWord(place)}` };
}
